// A running `cargo local up`, with the real binaries and a fresh state folder.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export class Stack {
  /** Starts a stack with new, empty state, on free ports. */
  static async start() {
    const stack = new Stack();
    stack.folder = await mkdtemp(join(tmpdir(), "orders-page-"));
    await stack.run("0");
    return stack;
  }

  /** @param {string} port */
  async run(port) {
    const ports = ["--port", port, "--aws-port", "0", "--gateway-port", "0", "--carrier-port", "0"];
    // A separate process group, so that the functions end with it.
    this.process = spawn("cargo", ["local", "up", "--state-dir", this.folder, ...ports], { cwd: ROOT, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    this.ended = new Promise((resolve) => this.process.once("exit", resolve));
    let errors = "";
    this.process.stderr.on("data", (text) => { errors = (errors + text).slice(-4000); });
    const lines = createInterface(this.process.stdout);
    await new Promise((resolve, reject) => {
      lines.on("line", (line) => {
        if (!line.startsWith("ready ")) return;
        this.base = JSON.parse(line.slice("ready ".length)).api;
        resolve(undefined);
      });
      lines.once("close", () => reject(new Error(`the stack did not start: ${errors}`)));
    });
  }

  /** Ends the stack as a crash does. */
  async kill() {
    process.kill(-this.process.pid, "SIGKILL");
    await this.ended;
  }

  /** Starts it again on the same port, with the state that it kept. */
  startAgain() {
    return this.run(new URL(this.base).port);
  }

  async stop() {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      process.kill(-this.process.pid, "SIGINT");
      await this.ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}
