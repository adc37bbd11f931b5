/** A TCP port of 127.0.0.1 that nobody listens on now; somebody else may take it before you do. */
export function findFreePort(): Promise<number>;
