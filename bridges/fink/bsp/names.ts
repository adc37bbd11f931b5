/** Names of the service "postkorbkomm" (bundid-fink.md §1.6); the WSDL beside the bridge says the same. */
export const SERVICE_NAMESPACE = "urn:akdb:bsp:postkorb:komm:webservice";
export const SOAP_ACTION = SERVICE_NAMESPACE;
export const SOAP_NAMESPACE = "http://schemas.xmlsoap.org/soap/envelope/";
/** A fault BSP1030 means what code 30 of table 9006 means. */
export const FAULT_PREFIX = "BSP1";

export type OperationName = "sendBspNachrichtNative" | "sendBspNachricht";
export interface Operation {
  readonly name: OperationName;
  /** Child of the request; not qualified. */
  readonly input: string;
  readonly output: string;
  /** Child of the answer; not qualified. */
  readonly result: string;
}
export const OPERATIONS: Readonly<Record<OperationName, Operation>> = {
  sendBspNachrichtNative: {
    name: "sendBspNachrichtNative",
    input: "bspNachricht",
    output: "sendBspNachrichtNativeOutput",
    result: "bspQuittung",
  },
  sendBspNachricht: {
    name: "sendBspNachricht",
    input: "okKommBspNachrichtInput",
    output: "sendBspNachrichtOutput",
    result: "okKommBspNachrichtOutput",
  },
};

/** Code 99 has a number of its own, BSP1999; every other one is BSP1 and the code in three digits. */
const OTHER = { status: "99", digits: "999" } as const;

export function faultCodeOf(status: string): string {
  return FAULT_PREFIX + (status === OTHER.status ? OTHER.digits : status.padStart(3, "0"));
}
/** Code of table 9006; undefined when it is no fault of this service. */
export function statusOfFault(code: string): string | undefined {
  const digits = /^BSP1(\d{3})$/.exec(code)?.[1];
  if (digits === undefined) return undefined;
  return digits === OTHER.digits ? OTHER.status : String(Number(digits));
}
