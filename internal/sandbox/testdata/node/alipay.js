// Runs Alipay's own client against the simulator: every answer's and callback's signature is checked by the client.
// Usage: TZ=Asia/Shanghai node alipay.js SANDBOX_URL
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { AlipaySdk } from 'alipay-sdk';

const sandbox = process.argv[2];
const { alipay } = await (await fetch(`${sandbox}/_control/credentials`)).json();

const received = [];
const merchant = http.createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => { body += chunk; });
  request.on('end', () => {
    received.push(Object.fromEntries(new URLSearchParams(body)));
    response.end('success');
    merchant.emit('callback');
  });
});
merchant.listen(0, '127.0.0.1');
await once(merchant, 'listening');
const notifyUrl = `http://127.0.0.1:${merchant.address().port}/`;

async function callback() {
  while (received.length === 0) await once(merchant, 'callback');
  return received.shift();
}

async function control(path, body) {
  const answer = await fetch(`${sandbox}/_control/${path}`, { method: 'POST', body: JSON.stringify(body) });
  assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

const common = {
  appId: alipay.app_id, privateKey: alipay.app_private_key, keyType: 'PKCS8', gateway: alipay.base_url, camelcase: false,
};
const modes = {
  key: { ...common, alipayPublicKey: alipay.alipay_public_key },
  cert: {
    ...common, appCertContent: alipay.app_cert, alipayPublicCertContent: alipay.alipay_cert, alipayRootCertContent: alipay.alipay_root_cert,
  },
};

for (const [mode, config] of Object.entries(modes)) {
  const sdk = new AlipaySdk(config);
  const exec = (method, bizContent, more) => sdk.exec(method, { ...more, bizContent }, { validateSign: true });
  const number = `node_${mode}_${Date.now()}`;

  let answer = await exec('alipay.trade.precreate', { out_trade_no: number, total_amount: '10.00', subject: '咖啡 & "蛋糕" /' }, { notify_url: notifyUrl });
  assert.equal(answer.code, '10000', JSON.stringify(answer));
  assert.ok(answer.qr_code.startsWith(sandbox));
  const action = { type: 'qr_code', code_url: answer.qr_code };

  answer = await exec('alipay.trade.query', { out_trade_no: number });
  assert.equal(answer.sub_code, 'ACQ.TRADE_NOT_EXIST');

  await control('pay', { action, result: 'pay' });
  let note = await callback();
  assert.equal(note.trade_status, 'TRADE_SUCCESS');
  assert.ok(sdk.checkNotifySignV2(note), `${mode}: the payment's callback`);
  assert.ok(sdk.checkNotifySign(note, true), `${mode}: the payment's callback, raw`);
  assert.ok(!sdk.checkNotifySignV2({ ...note, total_amount: '10.01' }), 'an altered callback passes');

  answer = await exec('alipay.trade.query', { out_trade_no: number });
  assert.equal(answer.trade_status, 'TRADE_SUCCESS');
  assert.equal(answer.total_amount, '10.00');

  answer = await exec('alipay.trade.refund', { out_trade_no: number, refund_amount: '4.00', out_request_no: 'r1' });
  assert.equal(answer.fund_change, 'Y');
  assert.equal(answer.refund_fee, '4.00');
  note = await callback();
  assert.equal(note.out_biz_no, 'r1');
  assert.ok(sdk.checkNotifySignV2(note), `${mode}: the refund's callback`);
  answer = await exec('alipay.trade.fastpay.refund.query', { out_trade_no: number, out_request_no: 'r1' });
  assert.equal(answer.refund_status, 'REFUND_SUCCESS');

  answer = await exec('alipay.trade.close', { out_trade_no: number });
  assert.equal(answer.sub_code, 'ACQ.TRADE_STATUS_ERROR');
  const unpaid = `${number}_c`;
  answer = await exec('alipay.trade.create', { out_trade_no: unpaid, total_amount: '1.00', subject: 'x', buyer_id: '2088000000000001' });
  assert.equal(answer.code, '10000');
  answer = await exec('alipay.trade.close', { out_trade_no: unpaid });
  assert.equal(answer.code, '10000');
  answer = await exec('alipay.trade.query', { out_trade_no: unpaid });
  assert.equal(answer.trade_status, 'TRADE_CLOSED');

  // Links, forms and wallet parameters as the client builds them.
  const page = { out_trade_no: `${number}_w`, total_amount: '2.00', subject: '网页', product_code: 'FAST_INSTANT_TRADE_PAY' };
  const url = sdk.pageExec('alipay.trade.page.pay', 'GET', { bizContent: page, returnUrl: 'https://shop.example/back', notify_url: notifyUrl });
  await control('pay', { action: { type: 'redirect', url }, result: 'pay' });
  assert.ok(sdk.checkNotifySignV2(await callback()), `${mode}: the page's callback`);
  const app = { out_trade_no: `${number}_a`, total_amount: '3.00', subject: 'App', product_code: 'QUICK_MSECURITY_PAY' };
  const params = sdk.sdkExecute('alipay.trade.app.pay', { bizContent: app, notify_url: notifyUrl });
  await control('pay', { action: { type: 'app', params }, result: 'pay' });
  assert.ok(sdk.checkNotifySignV2(await callback()), `${mode}: the app's callback`);

  // A wrongly signed answer does not pass.
  await control('faults', { channel: 'alipay', operation: 'query', kind: 'bad_signature', count: 1 });
  await assert.rejects(exec('alipay.trade.query', { out_trade_no: number }), /验签失败/);
  console.log(`${mode} mode: ok`);
}

// Content encryption: the client can't check encrypted answers, so that it only decrypts them.
const sdk = new AlipaySdk({ ...modes.key, encryptKey: alipay.encrypt_key });
const answer = await sdk.exec('alipay.trade.query', { bizContent: { out_trade_no: 'node_unknown' }, needEncrypt: true }, { validateSign: false });
assert.equal(answer.sub_code, 'ACQ.TRADE_NOT_EXIST', JSON.stringify(answer));
console.log('content encryption: ok');

merchant.close();
merchant.closeAllConnections();
