package payerpage

// texts are the words of a page in one language.
type texts struct {
	Lang, OtherLang, OtherName                 string
	Sandbox, Channel                           string
	Subject, Order, Merchant, Limit, TradeNo   string
	Pay, Cancel, Back, Password                string
	Title, Hint                                string
	Trades, Status, Amount, Number, Empty, Act string
}

type stateTexts struct{ title, hint string }

type language struct {
	texts
	channels map[string]string
	states   map[State]stateTexts
	statuses map[string]string
}

func languageOf(code string) language {
	if code == "en" {
		return english()
	}
	return chinese()
}

func chinese() language {
	return language{
		texts: texts{
			Lang: "zh-CN", OtherLang: "en", OtherName: "English",
			Sandbox: "沙箱 · 不涉及真实资金",
			Subject: "商品", Order: "商户订单号", Merchant: "商户", Limit: "请在此时间前支付", TradeNo: "交易号",
			Pay: "确认支付", Cancel: "取消", Back: "返回商户", Password: "输入密码并支付",
			Trades: "最近的交易", Status: "状态", Amount: "金额", Number: "订单号", Empty: "还没有交易。", Act: "打开付款页",
		},
		channels: map[string]string{"alipay": "支付宝", "wechatpay": "微信支付", "unionpay": "云闪付"},
		statuses: map[string]string{"issued": "待扫码", "waiting": "待支付", "paid": "已支付", "closed": "已关闭"},
		states: map[State]stateTexts{
			Payable:   {"请确认付款", ""},
			Paid:      {"支付成功", "商户已收到这笔款项。"},
			Refunded:  {"已退款", "这笔款项已退回。"},
			Closed:    {"订单已关闭", "该订单已关闭或超时，无法支付。"},
			CodeDead:  {"二维码已失效", "请让商户重新出示二维码。"},
			Declined:  {"支付未成功", "付款被拒绝，未扣款。可以重试或取消。"},
			Cancelled: {"已取消", "您没有付款。"},
			Faulty:    {"无法打开收银台", "请求有误，请联系商户。"},
			Unknown:   {"页面不存在", "没有找到对应的订单。"},
		},
	}
}

func english() language {
	return language{
		texts: texts{
			Lang: "en", OtherLang: "zh", OtherName: "中文",
			Sandbox: "Sandbox · no real money",
			Subject: "Item", Order: "Order number", Merchant: "Merchant", Limit: "Pay before", TradeNo: "Trade number",
			Pay: "Pay now", Cancel: "Cancel", Back: "Back to the merchant", Password: "Enter password and pay",
			Trades: "Latest trades", Status: "Status", Amount: "Amount", Number: "Order number", Empty: "No trades yet.", Act: "Payer's page",
		},
		channels: map[string]string{"alipay": "Alipay", "wechatpay": "WeChat Pay", "unionpay": "UnionPay"},
		statuses: map[string]string{"issued": "not opened", "waiting": "waiting", "paid": "paid", "closed": "closed"},
		states: map[State]stateTexts{
			Payable:   {"Confirm the payment", ""},
			Paid:      {"Paid", "The merchant has received the money."},
			Refunded:  {"Refunded", "The money went back to you."},
			Closed:    {"Order closed", "This order is closed or has expired and can't be paid."},
			CodeDead:  {"Code expired", "Ask the merchant for a new code."},
			Declined:  {"Not paid", "The payment was declined and nothing was charged. Try again or cancel."},
			Cancelled: {"Cancelled", "You have not paid."},
			Faulty:    {"The cashier can't be opened", "The request is faulty; ask the merchant."},
			Unknown:   {"No such page", "No order belongs to this address."},
		},
	}
}
