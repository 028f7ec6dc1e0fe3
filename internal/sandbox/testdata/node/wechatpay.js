// Runs a published WeChat Pay client against the simulator: it signs every request and checks every answer's signature.
// Usage: node wechatpay.js SANDBOX_URL
import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import plugin from 'wechatpay-axios-plugin';

const { Wechatpay, Formatter, Aes, Rsa } = plugin;
const sandbox = process.argv[2];
const { wechatpay } = await (await fetch(`${sandbox}/_control/credentials`)).json();
const { mchid, appid } = wechatpay;
const platformSerial = new X509Certificate(wechatpay.platform_cert).serialNumber;

const received = [];
const merchant = http.createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => { body += chunk; });
  request.on('end', () => {
    received.push({ headers: request.headers, body });
    response.writeHead(204).end();
    merchant.emit('callback');
  });
});
merchant.listen(0, '127.0.0.1');
await once(merchant, 'listening');
const notifyUrl = `http://127.0.0.1:${merchant.address().port}/`;

// callback verifies and decrypts the next notification with the client's own tools.
async function callback(certs) {
  while (received.length === 0) await once(merchant, 'callback');
  const { headers, body } = received.shift();
  const key = certs[headers['wechatpay-serial']];
  assert.ok(key, `signed with ${headers['wechatpay-serial']}`);
  const signed = Formatter.response(headers['wechatpay-timestamp'], headers['wechatpay-nonce'], body);
  assert.ok(Rsa.verify(signed, headers['wechatpay-signature'], key), 'the notification does not verify');
  assert.ok(!Rsa.verify(`${signed} `, headers['wechatpay-signature'], key), 'an altered notification verifies');
  const { event_type: event, resource } = JSON.parse(body);
  return { event, ...JSON.parse(Aes.AesGcm.decrypt(resource.ciphertext, wechatpay.api_v3_key, resource.nonce, resource.associated_data)) };
}

async function control(path, body) {
  const answer = await fetch(`${sandbox}/_control/${path}`, { method: 'POST', body: JSON.stringify(body) });
  assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

const modes = {
  'public key': { [wechatpay.public_key_id]: wechatpay.public_key },
  'platform certificate': { [platformSerial]: wechatpay.platform_cert },
};

for (const [mode, certs] of Object.entries(modes)) {
  const [asked] = Object.keys(certs);
  const client = new Wechatpay({
    baseURL: `${wechatpay.base_url}/`, mchid, serial: wechatpay.serial, privateKey: wechatpay.merchant_private_key, certs,
    headers: { 'Wechatpay-Serial': asked },
  });
  const { v3 } = client;
  const number = `node${mode.length}_${Date.now()}`;
  const order = (no, total = 1000) => ({
    appid, mchid, description: '咖啡 & "蛋糕" /', out_trade_no: no, notify_url: notifyUrl, amount: { total, currency: 'CNY' },
  });
  const query = async (no) => (await v3.pay.transactions.outTradeNo.$out_trade_no$.get({ params: { mchid }, out_trade_no: no })).data;

  await assert.rejects(query(number), (error) => error.response.status === 404 && error.response.data.code === 'ORDER_NOT_EXIST');
  let answer = await v3.pay.transactions.native.post(order(number));
  assert.ok(answer.data.code_url.startsWith(sandbox));
  assert.equal((await query(number)).trade_state, 'NOTPAY');
  await control('pay', { action: { type: 'qr_code', code_url: answer.data.code_url }, result: 'pay' });
  let note = await callback(certs);
  assert.equal(note.trade_state, 'SUCCESS');
  assert.equal(note.amount.total, 1000);
  assert.equal((await query(number)).transaction_id, note.transaction_id);

  answer = await v3.refund.domestic.refunds.post({
    out_trade_no: number, out_refund_no: `${number}r`, notify_url: notifyUrl, amount: { refund: 400, total: 1000, currency: 'CNY' },
  });
  assert.equal(answer.data.status, 'PROCESSING');
  note = await callback(certs);
  assert.equal(`${note.event} ${note.refund_status}`, 'REFUND.SUCCESS SUCCESS');
  answer = await v3.refund.domestic.refunds.$out_refund_no$.get({ out_refund_no: `${number}r` });
  assert.equal(answer.data.status, 'SUCCESS');

  // What page and app hand to the wallet, signed with the client's tools.
  const timeStamp = `${Formatter.timestamp()}`;
  const nonceStr = Formatter.nonce();
  answer = await v3.pay.transactions.jsapi.post({ ...order(`${number}j`), payer: { openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o' } });
  const pack = `prepay_id=${answer.data.prepay_id}`;
  let sign = Rsa.sign(Formatter.joinedByLineFeed(appid, timeStamp, nonceStr, pack), wechatpay.merchant_private_key);
  await control('pay', { action: { type: 'jsapi', params: { appId: appid, timeStamp, nonceStr, package: pack, signType: 'RSA', paySign: sign } } });
  assert.equal((await callback(certs)).trade_type, 'JSAPI');
  answer = await v3.pay.transactions.app.post(order(`${number}a`));
  const prepayid = answer.data.prepay_id;
  sign = Rsa.sign(Formatter.joinedByLineFeed(appid, timeStamp, nonceStr, prepayid), wechatpay.merchant_private_key);
  await control('pay', {
    action: { type: 'app', params: { appid, partnerid: mchid, prepayid, package: 'Sign=WXPay', noncestr: nonceStr, timestamp: timeStamp, sign } },
  });
  assert.equal((await callback(certs)).trade_type, 'APP');

  // Close (204 without a body, signed) and a payment by code.
  await v3.pay.transactions.native.post(order(`${number}c`));
  answer = await v3.pay.transactions.outTradeNo.$out_trade_no$.close.post({ mchid }, { out_trade_no: `${number}c` });
  assert.equal(answer.status, 204);
  assert.equal((await query(`${number}c`)).trade_state, 'CLOSED');
  const { notify_url: _, ...barcode } = order(`${number}b`);
  answer = await v3.pay.transactions.codepay.post({ ...barcode, payer: { auth_code: '130000000000000001' }, scene_info: { store_info: { id: '1' } } });
  assert.equal(answer.data.trade_state, 'SUCCESS');

  // The platform certificate, decrypted.
  answer = await v3.certificates.get();
  const [{ serial_no: serial, encrypt_certificate: sealed }] = answer.data.data;
  assert.equal(serial, platformSerial);
  assert.equal(Aes.AesGcm.decrypt(sealed.ciphertext, wechatpay.api_v3_key, sealed.nonce, sealed.associated_data), wechatpay.platform_cert);

  // Answers that must not pass: each fault is for one call. The codes are spelt as the client has them.
  for (const [kind, word] of Object.entries({
    bad_signature: 'EV3_RES_HEADER_SIGNATURE_DIGEST', unsigned: 'EV3_RES_HEADERS_INCOMPLATE', stale: 'EV3_RES_HEADER_TIMESTAMP_OFFSET',
  })) {
    await control('faults', { channel: 'wechatpay', operation: 'query', kind, count: 1 });
    await assert.rejects(query(number), (error) => error.code === word, kind);
  }
  assert.equal((await query(number)).trade_state, 'REFUND');
  console.log(`${mode} mode: ok`);
}

// The bill of today, once the calendar says that today is over: fetched, checked and read by the client.
const client = new Wechatpay({
  baseURL: `${wechatpay.base_url}/`, mchid, serial: wechatpay.serial, privateKey: wechatpay.merchant_private_key, certs: modes['public key'],
});
const today = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai' }).format(new Date());
await control('clock', { advance: '26h' });
const { data: bill } = await client.v3.bill.tradebill.get({ params: { bill_date: today, bill_type: 'ALL' } });
const token = new URL(bill.download_url).searchParams.get('token');
const { data: file } = await client.v3.billdownload.file.get({ params: { token }, responseType: 'arraybuffer' });
assert.equal(createHash('sha1').update(file).digest('hex'), bill.hash_value);
const { rows, summary } = Formatter.castCsvBill(file);
assert.equal(rows.length, 10); // of each mode: four payments and a refund
assert.equal(Object.values(summary)[0], '10');
console.log('bill: ok');

merchant.close();
merchant.closeAllConnections();
