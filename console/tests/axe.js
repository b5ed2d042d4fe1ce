// axe-core on what a page shows now: the violations of WCAG 2.2 AA, one line each. The
// window must bypass the Content-Security-Policy, which does not let a test add a script.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** @param {import("playwright-core").Page} page */
export async function violations(page) {
  await page.evaluate(AXE);
  const { violations: found } = await page.evaluate((values) => axe.run(document, { runOnly: values }), RULES);
  return found.flatMap((violation) => violation.nodes.map((node) => `${violation.id}: ${node.html.slice(0, 120)}`));
}
