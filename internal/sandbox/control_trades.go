package sandbox

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

// tradeView is a trade in the control API's form.
type tradeView struct {
	Channel        string             `json:"channel"`
	Account        string             `json:"account"`
	OutTradeNo     string             `json:"out_trade_no"`
	ChannelTradeNo *string            `json:"channel_trade_no"`
	Amount         int64              `json:"amount"`
	Currency       string             `json:"currency"`
	Status         books.Status       `json:"status"`
	TimesPaid      int                `json:"times_paid"`
	PaidAt         *string            `json:"paid_at"`
	ClosedAt       *string            `json:"closed_at"`
	Refunds        []refundView       `json:"refunds"`
	Notifications  []notificationView `json:"notifications"`
}

type refundView struct {
	OutRefundNo string             `json:"out_refund_no"`
	Amount      int64              `json:"amount"`
	Status      books.RefundStatus `json:"status"`
}

type notificationView struct {
	At           string `json:"at"`
	HTTPStatus   int    `json:"http_status"`
	Acknowledged bool   `json:"acknowledged"`
}

func viewOf(t *books.Trade) tradeView {
	v := tradeView{
		Channel: t.Channel, Account: t.Account, OutTradeNo: t.OutTradeNo, Amount: t.Amount, Currency: t.Currency,
		Status: t.Status, TimesPaid: t.TimesPaid, PaidAt: moment(t.PaidAt), ClosedAt: moment(t.ClosedAt),
		Refunds: []refundView{}, Notifications: []notificationView{},
	}
	if t.ChannelTradeNo != "" {
		v.ChannelTradeNo = &t.ChannelTradeNo
	}
	for _, r := range t.Refunds {
		v.Refunds = append(v.Refunds, refundView{r.OutRefundNo, r.Amount, r.Status})
	}
	for _, n := range t.Notifications {
		v.Notifications = append(v.Notifications, notificationView{*moment(n.At), n.HTTPStatus, n.Acknowledged})
	}
	return v
}

// moment writes a time; nil for none.
func moment(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format("2006-01-02T15:04:05.000Z07:00")
	return &s
}

func (s *Server) getTrades(r *http.Request) (int, any, error) {
	q := r.URL.Query()
	if err := onlyNames(q, "channel", "account", "status"); err != nil {
		return 0, nil, err
	}
	if err := s.knownChannel(q.Get("channel")); err != nil {
		return 0, nil, err
	}
	trades, err := s.books.Trades(func(t *books.Trade) bool {
		return matches(t, q) && (q.Get("status") == "" || q.Get("status") == string(t.Status))
	})
	if err != nil {
		return 0, nil, err
	}
	views := make([]tradeView, 0, len(trades))
	for i := range trades {
		views = append(views, viewOf(&trades[i]))
	}
	return http.StatusOK, map[string]any{"data": views}, nil
}

func onlyNames(q url.Values, names ...string) error {
	for name := range q {
		if !slices.Contains(names, name) {
			return badRequest("unknown query parameter %q; this call takes %v", name, names)
		}
	}
	return nil
}

func matches(t *books.Trade, q url.Values) bool {
	channel, account := q.Get("channel"), q.Get("account")
	return (channel == "" || channel == t.Channel) && (account == "" || account == t.Account)
}

// numbered finds the trade that a path names. Where several accounts have used the number, channel and account in the
// query choose; the newest is the default.
func (s *Server) numbered(r *http.Request) (books.Trade, error) {
	number := r.PathValue("out_trade_no")
	trades, err := s.books.Numbered(number)
	if err != nil {
		return books.Trade{}, err
	}
	for _, t := range trades {
		if matches(&t, r.URL.Query()) {
			return t, nil
		}
	}
	return books.Trade{}, fmt.Errorf("%w: no channel has seen order number %q", sim.ErrNotFound, number)
}

func (s *Server) getTrade(r *http.Request) (int, any, error) {
	t, err := s.numbered(r)
	return http.StatusOK, viewOf(&t), err
}

// What a payer does.
const (
	resultPay    = "pay"
	resultCancel = "cancel"
)

// postPay acts as the payer with what the merchant was given.
func (s *Server) postPay(r *http.Request) (int, any, error) {
	var in struct {
		Action sim.Action `json:"action"`
		Result string     `json:"result"`
	}
	if err := readJSON(r, &in); err != nil {
		return 0, nil, err
	}
	if in.Result == "" {
		in.Result = resultPay
	}
	if in.Result != resultPay && in.Result != resultCancel {
		return 0, nil, badRequest(`result must be "pay" or "cancel"`)
	}
	for _, c := range s.channels {
		if !c.Claims(in.Action) {
			continue
		}
		key, err := c.Open(r.Context(), in.Action)
		if err != nil {
			return 0, nil, err
		}
		act := c.Pay
		if in.Result == resultCancel {
			act = c.Cancel
		}
		t, err := act(r.Context(), key)
		return http.StatusOK, viewOf(&t), err
	}
	return 0, nil, badRequest("no simulated channel gives out such an action (type %q)", in.Action.Type)
}

// maxTimes bounds how often the payer presses in one call.
const maxTimes = 1000

// postTradePay has the payer press pay. A channel takes the money of an order once: what it refuses afterwards is not
// an error of this call, as long as the first press worked.
func (s *Server) postTradePay(r *http.Request) (int, any, error) {
	in := struct {
		Times int `json:"times"`
	}{Times: 1}
	if err := readJSON(r, &in); err != nil {
		return 0, nil, err
	}
	if in.Times < 1 || in.Times > maxTimes {
		return 0, nil, badRequest("times must be between 1 and %d", maxTimes)
	}
	t, c, err := s.actable(r)
	if err != nil {
		return 0, nil, err
	}
	paid, err := c.Pay(r.Context(), t.Key)
	if err != nil {
		return 0, nil, err
	}
	for range in.Times - 1 {
		if again, err := c.Pay(r.Context(), t.Key); err == nil {
			paid = again
		}
	}
	return http.StatusOK, viewOf(&paid), nil
}

func (s *Server) postTradeCancel(r *http.Request) (int, any, error) {
	if err := readJSON(r, &struct{}{}); err != nil {
		return 0, nil, err
	}
	t, c, err := s.actable(r)
	if err != nil {
		return 0, nil, err
	}
	left, err := c.Cancel(r.Context(), t.Key)
	return http.StatusOK, viewOf(&left), err
}

func (s *Server) postTradeNotify(r *http.Request) (int, any, error) {
	if err := readJSON(r, &struct{}{}); err != nil {
		return 0, nil, err
	}
	t, _, err := s.actable(r)
	if err != nil {
		return 0, nil, err
	}
	answer, err := s.queue.SendNow(r.Context(), &t)
	return http.StatusOK, answer, err
}

func (s *Server) actable(r *http.Request) (books.Trade, *channel, error) {
	t, err := s.numbered(r)
	if err != nil {
		return t, nil, err
	}
	c, ok := s.channel(t.Channel)
	if !ok {
		return t, nil, fmt.Errorf("%w: channel %s is not simulated any more", sim.ErrNotPossible, t.Channel)
	}
	return t, c, nil
}
