// Opens the pages that `make webtest` wrote, from files, in a real browser.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, beforeEach, afterEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import puppeteer from "puppeteer-core";

const file = (name) => new URL(`pages/${name}`, import.meta.url).href;
const axe = readFileSync(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");

let browser;
let page;
let complaints;

before(async () => {
  browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
});
after(() => browser.close());

beforeEach(async () => {
  page = await browser.newPage();
  complaints = [];
  page.on("console", (m) => complaints.push(m.text()));
  page.on("pageerror", (e) => complaints.push(e.message));
  page.on("request", (r) => r.url().startsWith("file:") || complaints.push(`asks for ${r.url()}`));
});
afterEach(async () => {
  assert.deepEqual(complaints, [], "the page complains or reaches out");
  await page.close();
});

const violations = async () => {
  await page.evaluate(axe);
  const result = await page.evaluate(() => globalThis.axe.run());
  assert.ok(result.passes.length > 20, "axe looked at the page");
  return result.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" ")}`);
};
const visible = (selector) => page.$$eval(selector, (all) => all.filter((n) => n.checkVisibility()).length);

// press clicks on the first such element, once it is drawn where it says that it is.
const press = async (selector) => {
  const node = await page.waitForSelector(selector);
  await node.scrollIntoView();
  await page.waitForFunction((n) => {
    const at = n.getBoundingClientRect();
    return n.contains(document.elementFromPoint(at.x + at.width / 2, at.y + at.height / 2));
  }, {}, node);
  await node.click();
};

test("it filters, and keeps the filter in its address", async () => {
  await page.goto(file("broken.html"));
  assert.equal(await visible("details.finding"), 3);
  await page.select("#severity", "error");
  assert.equal(await visible("details.finding"), 1);
  assert.match(await page.$eval("#shown", (n) => n.textContent), /^1 of 3/);
  const kept = page.url();
  await page.goto("about:blank");
  await page.goto(kept);
  assert.equal(await visible("details.finding"), 1);
  await page.select("#severity", "");
  await page.type("#text", "no such text");
  assert.equal(await visible("details.finding"), 0);
});

test("a click on a cell shows both sides and the fault", async () => {
  await page.goto(file("broken.html"));
  await press("td.x");
  const shown = await page.$eval("#edge", (n) => n.textContent);
  for (const want of ["plaintext-refused", "Client: ", "Server: ", "config_dump", " trace "]) assert.ok(shown.includes(want), want);
});

test("a click on an arrow shows the same", async () => {
  await page.goto(file("broken.html"));
  await page.$eval("#graph .edge.x .hit", (n) => n.dispatchEvent(new MouseEvent("click", { bubbles: true })));
  assert.ok((await page.$eval("#edge", (n) => n.textContent)).includes("plaintext-refused"));
});

test("the matrix works by keyboard", async () => {
  await page.goto(file("broken.html"));
  await page.focus("table.matrix td");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  assert.ok(await visible("#edge"));
});

test("hostile names are text", async () => {
  await page.goto(file("hostile.html"));
  await press("td.x");
  assert.ok((await page.$eval("#edge", (n) => n.textContent)).includes("<script>"));
  assert.notEqual(await page.title(), "owned");
  assert.equal((await page.$$("img")).length, 0);
});

test("the policy of the page stops a script that is not its own", async () => {
  await page.goto(file("broken.html"));
  await page.evaluate(() => {
    const node = document.createElement("script");
    node.textContent = "document.title = 'owned'";
    document.body.append(node);
  });
  assert.notEqual(await page.title(), "owned");
  assert.match(complaints.join(), /Content Security Policy/);
  complaints.length = 0;
});

test("without a script the findings, tables and matrix are there", async () => {
  await page.setJavaScriptEnabled(false);
  await page.goto(file("broken.html"));
  const html = await page.content();
  for (const want of ["MTD301", 'class="matrix"', "spiffe://", 'id="workloads"']) assert.ok(html.includes(want), want);
  const text = await (await page.$("main")).boundingBox();
  assert.ok(text.height > 500);
});

for (const theme of ["light", "dark"]) {
  test(`axe finds nothing in the ${theme} page`, async () => {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
    await page.goto(file("broken.html"));
    await press("td.x");
    await page.$$eval("details", (all) => all.forEach((d) => { d.open = true; }));
    assert.deepEqual(await violations(), []);
  });
}

test("it prints", async () => {
  await page.goto(file("broken.html"));
  await page.emulateMediaType("print");
  assert.equal(await visible("button"), 0);
  const pdf = await page.pdf();
  assert.ok(pdf.length > 10_000);
});
