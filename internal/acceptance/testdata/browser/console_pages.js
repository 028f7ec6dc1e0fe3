// Usage: node console_pages.js CHROMIUM FOLDER  with {"base","user","password","pages":{name:path}} on stdin.
// Logs in and opens every page of the console in both languages, wide and on a phone; keeps a picture of each in FOLDER.
'use strict'

const { chromium } = require('playwright-core')
const fs = require('node:fs')
const path = require('node:path')

const [executablePath, folder] = process.argv.slice(2)
const input = JSON.parse(fs.readFileSync(0, 'utf8'))

async function main () {
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync']
  })
  const problems = []
  for (const language of ['zh-CN', 'en']) {
    for (const [size, width, height] of [['wide', 1360, 900], ['narrow', 390, 844]]) {
      const context = await browser.newContext({ viewport: { width, height } })
      const page = await context.newPage()
      let name = 'login'
      const note = text => problems.push(`${name} ${language} ${size}: ${text}`)
      page.on('pageerror', e => note(e))
      page.on('console', m => { if (m.type() === 'error') note(m.text()) })
      page.on('dialog', d => { note('a dialog opened'); d.dismiss() })
      page.on('request', r => { if (new URL(r.url()).hostname !== '127.0.0.1') note(`asked for ${r.url()}`) })
      const look = async () => {
        if (await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth + 1)) note('wider than the screen')
        if (await page.getAttribute('html', 'lang') !== language) note('another language')
        for (const fault of await page.evaluate(faults)) note(fault)
        await page.screenshot({ path: path.join(folder, `${name}-${language}-${size}.png`), fullPage: true })
      }
      await page.goto(input.base + '/login')
      if (language === 'en') await page.click('header button[value=en]')
      await look()
      await page.fill('input[name=name]', input.user)
      await page.fill('input[name=password]', input.password)
      await page.click('main button.main')
      await page.waitForLoadState()
      for (const [key, target] of Object.entries(input.pages)) {
        name = key
        const response = await page.goto(input.base + target)
        if (!response.ok()) note(`answered ${response.status()}`)
        await look()
      }
      await context.close()
    }
  }
  await browser.close()
  if (problems.length > 0) {
    console.error(problems.join('\n'))
    process.exit(1)
  }
}

// What assistive technology needs, looked for in the page itself: names of
// fields, buttons, links and pictures, one main heading, headings in order,
// unique ids, and texts that can be told from their ground.
function faults () {
  const out = []
  const name = e => (e.getAttribute('aria-label') || e.innerText || e.textContent || '').trim()
  for (const e of document.querySelectorAll('input:not([type=hidden]),select,textarea')) {
    if (!e.closest('label') && !e.getAttribute('aria-label')) out.push(`a field without a label: ${e.name}`)
  }
  for (const e of document.querySelectorAll('button,a[href],summary')) if (!name(e)) out.push(`nothing says what this does: ${e.outerHTML.slice(0, 80)}`)
  for (const e of document.querySelectorAll('svg')) if (!e.getAttribute('aria-hidden') && e.getAttribute('role') !== 'img') out.push('a picture without a role')
  if (document.querySelectorAll('h1').length !== 1) out.push('not one main heading')
  let last = 0
  for (const e of document.querySelectorAll('h1,h2,h3')) {
    const level = Number(e.tagName[1])
    if (level > last + 1) out.push(`heading ${e.innerText} skips a level`)
    last = level
  }
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id)
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) out.push(`id ${id} twice`)
  const parse = c => { const m = c.match(/[\d.]+/g).map(Number); return m.length > 3 ? m : [...m, 1] }
  const shine = c => { const [r, g, b] = c.slice(0, 3).map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 }); return 0.2126 * r + 0.7152 * g + 0.0722 * b }
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())
    if (!own || e.closest('svg') || e.closest('.away,.skip') || !e.getClientRects().length) continue
    let ground = e
    while (ground && parse(getComputedStyle(ground).backgroundColor)[3] === 0) ground = ground.parentElement
    const a = shine(parse(getComputedStyle(e).color)); const b = shine(ground ? parse(getComputedStyle(ground).backgroundColor) : [255, 255, 255])
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    if (contrast < 4.5) out.push(`too little contrast (${contrast.toFixed(2)}): ${e.className} ${e.textContent.trim().slice(0, 30)}`)
  }
  return [...new Set(out)]
}

main().catch(e => { console.error(e); process.exit(1) })
