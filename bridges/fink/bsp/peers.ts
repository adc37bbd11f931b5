import type { X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { BlockList, isIP } from "node:net";
import { peerCertificate } from "../../../src/guard/listener.ts";
import { isUsable, parseCertificate } from "./keys.ts";
import type { SenderSettings } from "./settings.ts";

/** An authority that may deliver. */
export interface KnownPeer {
  readonly settings: SenderSettings;
  readonly certificate?: X509Certificate;
  readonly addresses?: BlockList;
}

/** @throws GatewayError CERTIFICATE_INVALID */
export function loadPeers(senders: readonly SenderSettings[]): KnownPeer[] {
  return senders.map((settings) => {
    const { certificate, addresses } = settings;
    const purpose = `server sender ${settings.name}`;
    return {
      settings,
      ...(certificate === undefined
        ? {}
        : { certificate: parseCertificate(certificate.text, purpose) }),
      ...(addresses === undefined ? {} : { addresses: listOf(addresses) }),
    };
  });
}

function listOf(addresses: readonly string[]): BlockList {
  const list = new BlockList();
  for (const address of addresses) list.addAddress(address, isIP(address) === 6 ? "ipv6" : "ipv4");
  return list;
}

/** Who delivers, by the certificate whose key was proved, by address, or by both; undefined: nobody we know. */
export function identifyPeer(
  peers: readonly KnownPeer[],
  request: IncomingMessage,
  now: Date,
): KnownPeer | undefined {
  const shown = peerCertificate(request);
  const address = request.socket.remoteAddress ?? "";
  return peers.find(({ certificate, addresses }) => {
    const proved =
      certificate === undefined ||
      (shown !== undefined && certificate.raw.equals(shown.raw) && isUsable(certificate, now));
    return proved && (addresses === undefined || contains(addresses, address));
  });
}

function contains(list: BlockList, address: string): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, "");
  const family = isIP(plain);
  return family !== 0 && list.check(plain, family === 6 ? "ipv6" : "ipv4");
}
