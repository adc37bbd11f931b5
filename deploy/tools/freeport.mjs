import net from "node:net";

/** Given out by this process; whoever asked for one may not listen there yet. */
const given = new Set();

/**
 * A TCP port of 127.0.0.1 that nobody listens on now, another one each time; another process may take it before you do.
 */
export async function findFreePort() {
  for (;;) {
    const port = await anyPort();
    if (given.has(port)) continue;
    given.add(port);
    return port;
  }
}

async function anyPort() {
  const server = net.createServer();
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
