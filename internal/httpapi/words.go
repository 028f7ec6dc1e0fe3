package httpapi

// words are the texts of the pages in one language.
type words struct {
	Lang, OtherLang, OtherName string

	ReturnTitle, ReturnText string

	Docs, Errors, ErrorsText                                               string
	Signing, Schemas, Parameters, Body, Examples, Example, Answers, NoAuth string
	Must                                                                   string
	SigningText, AnswerText                                                []string
	// Rules are the words between a field's bounds.
	Chars, OneOf, OrNull, ListOf, Default string
}

var wordsZH = words{
	Lang: "zh", OtherLang: "en", OtherName: "English",
	ReturnTitle: "请回到商户查看支付结果",
	ReturnText:  "您可以关闭本页面。支付是否成功，以商户页面显示为准。",
	Docs:        "接口文档", Errors: "错误码",
	ErrorsText: "错误应答为 application/problem+json（RFC 9457）。请依据 code 处理；title 与 detail 仅供阅读。",
	Signing:    "签名", Schemas: "数据结构", Parameters: "参数", Body: "请求体", Examples: "示例", Example: "示例",
	Answers: "应答", NoAuth: "无需认证", Must: "必填",
	SigningText: []string{
		"每个请求携带一个 `Authorization` 请求头，方案为 `PAYMUX-SHA256-RSA2048`，参数顺序不限。签名算法为 RSASSA-PKCS1-v1_5 与 SHA-256（密钥不少于 2048 位），标准 base64 编码。",
		"待签名文本共五行：方法、请求目标（路径与查询，与实际发送一致）、时间戳（Unix 秒，与服务器相差不超过 300 秒）、随机串（16 至 64 位字母、数字、`_`、`-`，只能使用一次）、请求体（没有则为空）。每行以换行符结尾，最后一行也不例外。",
		"`paymux keygen` 生成密钥对，`paymux call` 可直接发送已签名的请求。用命令行手工签名的示例：",
	},
	AnswerText: []string{
		"签名验证通过之后的所有应答都带有平台签名，包括各类错误。待签名文本共四行：`Paymux-Timestamp`、`Paymux-Nonce`（即请求的随机串）、HTTP 状态码、应答体，每行以换行符结尾。文件应答以内容的小写十六进制 SHA-256 代替应答体，并通过 `Paymux-Content-SHA256` 返回。请用 `Paymux-Serial` 对应的平台公钥验签；公钥见 `GET /v1/platform-keys`。",
		"签名验证之前的拒绝（413、除 `nonce_reused` 以外的 401）不带签名，不可据此判断订单状态。",
	},
	Chars: "个字符", OneOf: "可选值：", OrNull: "可为 null", ListOf: "数组：", Default: "缺省 ",
}

var wordsEN = words{
	Lang: "en", OtherLang: "zh", OtherName: "中文",
	ReturnTitle: "See the result at the merchant",
	ReturnText:  "You may close this page. Whether the payment succeeded is shown by the merchant.",
	Docs:        "Documentation", Errors: "Errors",
	ErrorsText: "Errors are application/problem+json (RFC 9457). Decide by code; title and detail are for people.",
	Signing:    "Signing", Schemas: "Schemas", Parameters: "Parameters", Body: "Body", Examples: "Examples", Example: "Example",
	Answers: "Answers", NoAuth: "no authentication", Must: "required",
	SigningText: []string{
		"Each request has one `Authorization` header of the scheme `PAYMUX-SHA256-RSA2048`, its parameters in any order. The signature is RSASSA-PKCS1-v1_5 with SHA-256, keys of 2048 bits or more, in standard base64.",
		"The signed text has five lines: the method, the request target as sent (path with query), the timestamp (Unix seconds, within 300 s of the server's clock), the nonce (16 to 64 of letters, digits, `_` and `-`, accepted once), the body (empty where there is none). Each line ends with a line feed, the last too.",
		"`paymux keygen` makes a key pair, `paymux call` sends signed requests. By hand it goes so:",
	},
	AnswerText: []string{
		"Every answer once the signature held is signed by the platform, errors too. The text has four lines: `Paymux-Timestamp`, `Paymux-Nonce` (the request's own), the HTTP status, the body, each ended by a line feed. For files the lower-case hex SHA-256 of the content stands for the body; it is also sent as `Paymux-Content-SHA256`. Verify with the platform key that `Paymux-Serial` names; see `GET /v1/platform-keys`.",
		"Refusals from before (413, 401 other than `nonce_reused`) are not signed and say nothing of any order.",
	},
	Chars: "characters", OneOf: "one of ", OrNull: "or null", ListOf: "list of ", Default: "default ",
}

func wordsOf(chinese bool) words {
	if chinese {
		return wordsZH
	}
	return wordsEN
}

// signingExample signs by hand with a shell, openssl and curl. A test runs it.
const signingExample = `body='{"merchant_order_no":"A-1001","amount":8800,"subject":"Two tickets","scene":"qr"}'
target=/v1/payments
timestamp=$(date +%s)
nonce=$(openssl rand -hex 16)
signature=$(printf '%s\n' POST "$target" "$timestamp" "$nonce" "$body" |
  openssl dgst -sha256 -sign "$KEY_FILE" -binary | openssl base64 -A)
parameters="merchant_id=\"$MERCHANT_ID\",serial=\"$SERIAL\",timestamp=\"$timestamp\",nonce=\"$nonce\""
curl -s "$API$target" -d "$body" \
  -H "Authorization: PAYMUX-SHA256-RSA2048 $parameters,signature=\"$signature\""`
