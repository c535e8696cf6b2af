// How long the largest page takes to open, in milliseconds: the best and the worst of five.
import puppeteer from "puppeteer-core";

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
const times = [];
for (let i = 0; i < 5; i++) {
  const page = await browser.newPage();
  const start = performance.now();
  await page.goto(new URL("pages/large.html", import.meta.url).href, { waitUntil: "load" });
  await page.screenshot(); // until something is painted
  times.push(Math.round(performance.now() - start));
  await page.close();
}
await browser.close();
process.stdout.write(`open ${Math.min(...times)}..${Math.max(...times)} ms\n`);
