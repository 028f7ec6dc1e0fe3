package sim

// Credentials is what a merchant has to configure for its accounts, one for each channel; a channel that isn't
// simulated is absent. Keys and certificates are PEM text.
type Credentials struct {
	Alipay    *Alipay    `json:"alipay,omitempty"`
	WeChatPay *WeChatPay `json:"wechatpay,omitempty"`
	UnionPay  *UnionPay  `json:"unionpay,omitempty"`
}

// Alipay is an account at the Alipay simulator.
type Alipay struct {
	BaseURL         string `json:"base_url"` // the whole address of the gateway, /gateway.do included
	AppID           string `json:"app_id"`
	SellerID        string `json:"seller_id"`
	AppPrivateKey   string `json:"app_private_key"`   // PKCS#8
	AlipayPublicKey string `json:"alipay_public_key"` // PKIX
	AppCert         string `json:"app_cert"`
	AlipayCert      string `json:"alipay_cert"` // leaf first, then the issuing certificate
	AlipayRootCert  string `json:"alipay_root_cert"`
	EncryptKey      string `json:"encrypt_key"` // base64 of 16 bytes
}

// WeChatPay is an account at the WeChat Pay simulator.
type WeChatPay struct {
	BaseURL            string `json:"base_url"`
	MchID              string `json:"mchid"`
	AppID              string `json:"appid"`
	Serial             string `json:"serial"`
	MerchantPrivateKey string `json:"merchant_private_key"`
	APIV3Key           string `json:"api_v3_key"`
	PublicKeyID        string `json:"public_key_id"`
	PublicKey          string `json:"public_key"`
	PlatformCert       string `json:"platform_cert"`
}

// UnionPay is an account at the UnionPay simulator.
type UnionPay struct {
	BaseURL     string `json:"base_url"`
	MerID       string `json:"mer_id"`
	PFXBase64   string `json:"pfx_base64"`
	PFXPassword string `json:"pfx_password"`
	RootCert    string `json:"root_cert"`
	MiddleCert  string `json:"middle_cert"`
	SignCert    string `json:"sign_cert"`
}

// Merge takes over the channels that other has.
func (c *Credentials) Merge(other Credentials) {
	if other.Alipay != nil {
		c.Alipay = other.Alipay
	}
	if other.WeChatPay != nil {
		c.WeChatPay = other.WeChatPay
	}
	if other.UnionPay != nil {
		c.UnionPay = other.UnionPay
	}
}
