package wechatpay

import (
	"net/http"
	"net/url"

	"github.com/paymux/paymux/channels"
)

// party names the merchant in a body: a merchant of its own by appid and mchid,
// one of a service provider by the other four. Unknown and empty fields are
// refused by WeChat Pay, so what does not apply is left out.
type party struct {
	AppID    string `json:"appid,omitempty"`
	MchID    string `json:"mchid,omitempty"`
	SpAppID  string `json:"sp_appid,omitempty"`
	SpMchID  string `json:"sp_mchid,omitempty"`
	SubAppID string `json:"sub_appid,omitempty"`
	SubMchID string `json:"sub_mchid,omitempty"`
}

// order is the body of every call that places one.
type order struct {
	party
	Description string      `json:"description"`
	OutTradeNo  string      `json:"out_trade_no"`
	TimeExpire  string      `json:"time_expire,omitempty"`
	NotifyURL   string      `json:"notify_url,omitempty"`
	Amount      orderAmount `json:"amount"`
	Payer       *payer      `json:"payer,omitempty"`
	SceneInfo   *sceneInfo  `json:"scene_info,omitempty"`
}

type orderAmount struct {
	Total    int64  `json:"total"`
	Currency string `json:"currency"`
}

type payer struct {
	OpenID    string `json:"openid,omitempty"`
	SpOpenID  string `json:"sp_openid,omitempty"`
	SubOpenID string `json:"sub_openid,omitempty"`
	AuthCode  string `json:"auth_code,omitempty"`
}

type sceneInfo struct {
	PayerClientIP string     `json:"payer_client_ip,omitempty"`
	H5Info        *h5Info    `json:"h5_info,omitempty"`
	StoreInfo     *storeInfo `json:"store_info,omitempty"`
}

type h5Info struct {
	Type string `json:"type"`
}

type storeInfo struct {
	ID string `json:"id"`
}

// withApp is the merchant where a call asks for apps too.
func (c *Client) withApp() party {
	if c.cfg.isPartner() {
		return party{SpAppID: c.cfg.AppID, SpMchID: c.cfg.MchID, SubAppID: c.cfg.SubAppID, SubMchID: c.cfg.SubMchID}
	}
	return party{AppID: c.cfg.AppID, MchID: c.cfg.MchID}
}

// withoutApp is the merchant alone.
func (c *Client) withoutApp() party {
	if c.cfg.isPartner() {
		return party{SpMchID: c.cfg.MchID, SubMchID: c.cfg.SubMchID}
	}
	return party{MchID: c.cfg.MchID}
}

// merchantQuery is the merchant alone, in an address.
func (c *Client) merchantQuery() url.Values {
	if c.cfg.isPartner() {
		return url.Values{"sp_mchid": {c.cfg.MchID}, "sub_mchid": {c.cfg.SubMchID}}
	}
	return url.Values{"mchid": {c.cfg.MchID}}
}

// frontApp and frontMerchant are what the payer's own client pays to: the
// merchant's app and number, also where a service provider acts for it.
func (c *Client) frontApp() string {
	if c.cfg.SubAppID != "" {
		return c.cfg.SubAppID
	}
	return c.cfg.AppID
}

func (c *Client) frontMerchant() string {
	if c.cfg.isPartner() {
		return c.cfg.SubMchID
	}
	return c.cfg.MchID
}

// transactions is the path below which orders live.
func (c *Client) transactions(rest string) string {
	if c.cfg.isPartner() {
		return "/v3/pay/partner/transactions/" + rest
	}
	return "/v3/pay/transactions/" + rest
}

func (c *Client) byOrderNo(id, verb string) string {
	return c.transactions("out-trade-no/" + url.PathEscape(id) + verb)
}

// orderQuery asks for an order by our number, or where that is unknown by
// theirs.
func (c *Client) orderQuery(id, transactionID string) call {
	q := call{op: channels.OpQuery, method: http.MethodGet, query: c.merchantQuery(), order: id}
	if id != "" {
		q.path = c.byOrderNo(id, "")
	} else {
		q.path = c.transactions("id/" + url.PathEscape(transactionID))
	}
	return q
}

// order is what every order has.
func (c *Client) order(req channels.PayRequest) order {
	return order{
		party:       c.withApp(),
		Description: description(req.Subject),
		OutTradeNo:  req.Attempt.ID,
		TimeExpire:  formatTime(req.Attempt.ExpiresAt),
		NotifyURL:   req.NotifyURL,
		Amount:      orderAmount{Total: req.Attempt.Amount.Minor(), Currency: string(req.Attempt.Amount.Currency())},
	}
}
