"""A SOAP client that shares nothing with the gateway: sends BspNachrichten by our WSDL and prints what it understood.

stdin: JSON {wsdl, endpoint, ca, cert, key, calls: [{operation, child, payload}]}; stdout: JSON list of {result|fault}.
"""

import base64
import json
import sys

import requests
from zeep import Client, Settings
from zeep.exceptions import Fault
from zeep.transports import Transport

given = json.load(sys.stdin)
session = requests.Session()
session.trust_env = False
session.verify = given["ca"]
session.cert = (given["cert"], given["key"])
client = Client(given["wsdl"], transport=Transport(session=session), settings=Settings(strict=True))
binding = "{urn:akdb:bsp:postkorb:komm:webservice}PostkorbKommSoap"
service = client.create_service(binding, given["endpoint"])

answers = []
for call in given["calls"]:
    payload = call["payload"]
    if call["operation"] == "sendBspNachricht":
        payload = base64.b64decode(payload)
    try:
        result = service[call["operation"]](**{call["child"]: payload})
        text = result.decode("utf8") if isinstance(result, bytes) else result
        answers.append({"result": text})
    except Fault as fault:
        answers.append({"fault": fault.code})
json.dump(answers, sys.stdout)
