// Usage: node pages.js CHROMIUM FOLDER  with {"code_url","docs","return"} on stdin.
// Opens each page as a person would, pays, and keeps a picture of each in FOLDER.
'use strict'

const { chromium } = require('playwright-core')
const fs = require('node:fs')
const path = require('node:path')

const [executablePath, folder] = process.argv.slice(2)
const pages = JSON.parse(fs.readFileSync(0, 'utf8'))

async function main () {
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync']
  })
  const problems = []
  const visit = async (name, url, options, act) => {
    const context = await browser.newContext({ viewport: { width: 390, height: 844 }, ...options })
    const page = await context.newPage()
    page.on('pageerror', e => problems.push(`${name}: ${e}`))
    page.on('console', m => { if (m.type() === 'error') problems.push(`${name}: ${m.text()}`) })
    page.on('dialog', d => { problems.push(`${name}: a dialog opened: ${d.message()}`); d.dismiss() })
    page.on('request', r => {
      if (new URL(r.url()).hostname !== '127.0.0.1') problems.push(`${name}: asked for ${r.url()}`)
    })
    const response = await page.goto(url)
    if (!response.ok()) problems.push(`${name}: answered ${response.status()}`)
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth + 1)
    if (wide) problems.push(`${name}: wider than a phone`)
    if (!await page.getAttribute('html', 'lang')) problems.push(`${name}: no language`)
    await page.screenshot({ path: path.join(folder, name + '.png') })
    if (act) await act(page)
    await context.close()
  }

  await visit('payer-zh', pages.code_url, { locale: 'zh-CN' }, async page => {
    if (!(await page.innerText('body')).includes('确认支付')) problems.push('payer-zh: no 确认支付')
    await page.click('text=English')
    await page.waitForSelector('text=/Pay/')
    await page.screenshot({ path: path.join(folder, 'payer-en.png') })
  })
  await visit('payer-pays', pages.code_url, { locale: 'zh-CN', javaScriptEnabled: true }, async page => {
    await page.click('button:has-text("确认支付")')
    await page.waitForLoadState()
    await page.screenshot({ path: path.join(folder, 'payer-paid.png') })
    if (!/成功/.test(await page.innerText('body'))) problems.push('payer-pays: no word of success')
  })
  for (const [locale, word] of [['zh-CN', '签名'], ['en-US', 'Signing']]) {
    await visit('docs-' + locale, pages.docs, { locale, viewport: { width: 1200, height: 900 } }, async page => {
      if (!(await page.innerText('body')).includes(word)) problems.push(`docs-${locale}: no ${word}`)
    })
    await visit('return-' + locale, pages.return, { locale })
  }
  await browser.close()
  if (problems.length > 0) {
    console.error(problems.join('\n'))
    process.exit(1)
  }
}

main().catch(e => { console.error(e); process.exit(1) })
