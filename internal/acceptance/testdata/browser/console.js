// Usage: node console.js CHROMIUM FOLDER  with {"base","user","password","day","order","attempt","downloads"} on stdin.
// Goes a finance user's way through the console: log in, close the day, explain a difference, fetch the workbook, look an
// order up, ask the channel, change the language, log out. Keeps pictures in FOLDER and the workbook in "downloads".
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
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, locale: 'zh-CN', acceptDownloads: true })
  const page = await context.newPage()
  page.on('pageerror', e => problems.push(String(e)))
  page.on('console', m => { if (m.type() === 'error') problems.push(m.text()) })
  page.on('request', r => { if (new URL(r.url()).hostname !== '127.0.0.1') problems.push(`asked for ${r.url()}`) })
  const must = async (text, where = 'main') => {
    if (!(await page.innerText(where)).includes(text)) throw new Error(`no ${text} at ${page.url()}:\n${await page.innerText('body')}`)
  }
  let pictures = 0
  const picture = name => page.screenshot({ path: path.join(folder, `journey-${++pictures}-${name}.png`), fullPage: true })

  await page.goto(input.base)
  await page.fill('input[name=name]', input.user)
  await page.fill('input[name=password]', 'not the password')
  await page.press('input[name=password]', 'Enter')
  await must('用户名或密码错误')
  await page.fill('input[name=name]', input.user)
  await page.fill('input[name=password]', input.password)
  await page.press('input[name=password]', 'Enter')
  await page.waitForURL('**/console/days')
  await picture('calendar-before')

  await page.goto(`${input.base}/days/${input.day}`)
  // Whatever the background has not taken up yet is run by hand.
  for (let i = 0; i < 10; i++) {
    const run = page.locator('button:has-text("立即对账")').first()
    if (await run.count() === 0) break
    await run.click()
    await page.waitForLoadState()
  }
  for (let i = 0; i < 3; i++) {
    await page.locator('button:has-text("重新对账")').nth(i).click()
    await page.waitForLoadState()
    await must('对账')
  }
  for (let i = 0; i < 60 && !(await page.innerText('main')).includes('最新'); i++) {
    await page.waitForTimeout(500)
    await page.reload()
  }
  await must('金额不符')
  await must('渠道缺单')
  await must('已平账')
  await picture('day')

  await page.click('a:has-text("金额不符")')
  await must('双方记录对照')
  await page.click('button:has-text("指派给我")')
  await must('已更新负责人')
  await page.fill('textarea[name=text]', '已联系渠道 <b>客服</b>')
  await page.click('button:has-text("添加备注")')
  await must('已联系渠道 <b>客服</b>')
  await page.fill('textarea[name=reason]', '渠道确认账单有误，将于次日更正')
  await page.click('button:has-text("说明并处理")')
  await must('差异已处理')
  await picture('discrepancy')

  await page.goto(`${input.base}/days/${input.day}`)
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('table a[href*="statement.xlsx"]:not([href*=sha256]) >> nth=0')])
  await download.saveAs(path.join(input.downloads, 'statement.xlsx'))

  await page.goto(input.base + '/payments')
  await page.fill('input[name=q]', input.order)
  await page.press('input[name=q]', 'Enter')
  await page.waitForURL('**/payments/pay_*')
  await must(input.order)
  await must('时间线')
  await must('路由决策')
  await page.click('button:has-text("向渠道查询")')
  await must('已向渠道查询')
  await page.click('summary')
  await page.click('button:has-text("查看原始报文") >> nth=0')
  await must('报文体')
  await picture('callback')
  await page.goBack()
  await picture('payment')
  await page.goto(`${input.base}/payments?q=${input.attempt}`)
  await must(input.order)
  await page.click('button:has-text("重新发送") >> nth=0')
  await must('通知')
  await picture('payment-after')

  await page.click('header button[value=en]')
  await must('Timeline')
  await must('Staff')
  await page.goto(input.base + '/audit')
  await must('opened a raw message')
  await must('resolved')
  await picture('audit')
  await page.goto(input.base + '/days')
  await picture('calendar-after')
  await page.click('button:has-text("Log out")')
  await must('You are logged out')
  await page.goto(input.base + '/days')
  if (!page.url().includes('/login')) problems.push('still logged in after the logout')

  await browser.close()
  if (problems.length > 0) {
    console.error(problems.join('\n'))
    process.exit(1)
  }
}

main().catch(e => { console.error(e); process.exit(1) })
