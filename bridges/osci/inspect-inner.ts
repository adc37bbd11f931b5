import { copyFile, open, rename, rm } from "node:fs/promises";

/** The decrypted transport content, kept only when the decryption proved right. */
export class InnerFile {
  readonly #path: string;
  readonly #draft: string;

  constructor(path: string) {
    this.#path = path;
    this.#draft = `${path}.part`;
  }

  async *tee(stream: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
    const file = await open(this.#draft, "w", 0o600);
    try {
      for await (const chunk of stream) {
        await file.write(chunk);
        yield chunk;
      }
    } finally {
      await file.close();
    }
  }

  async takeFrom(file: string): Promise<void> {
    await copyFile(file, this.#draft);
  }

  async keep(): Promise<void> {
    await rename(this.#draft, this.#path);
  }

  async discard(): Promise<void> {
    await rm(this.#draft, { force: true });
  }
}
