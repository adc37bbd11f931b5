/** Namespaces and media types of the backend interface (ADR 0012 names the sources). */
export const SOAP = "http://www.w3.org/2003/05/soap-envelope";
export const EBMS = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/";
export const BACKEND = "http://eu.domibus.wsplugin/";
export const XOP = "http://www.w3.org/2004/08/xop/include";
export const SIGNALS = "http://docs.oasis-open.org/ebxml-bp/ebbp-signals-2.0";
export const SOAP_TYPE = "application/soap+xml";
export const XOP_TYPE = "application/xop+xml";
