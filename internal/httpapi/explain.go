package httpapi

import (
	"net/http"
	"slices"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
)

// explanation is the answer of /v1/routes/explain.
type explanation struct {
	// Chosen is null where no account would be chosen.
	Chosen     *channels.Candidate  `json:"chosen"`
	Candidates []channels.Candidate `json:"candidates"`
	Rule       *string              `json:"rule"`
	Strategy   string               `json:"strategy"`
}

func (s *Server) explainRoute(r *http.Request) (reply, error) {
	req, faults, err := s.readCreate(r, routingFields)
	if err != nil {
		return reply{}, err
	}
	if err := s.refuseFields(faults); err != nil {
		return reply{}, err
	}
	merchant, err := s.deps.Merchants.Profile(r.Context(), MerchantID(r.Context()))
	if err != nil {
		return reply{}, err
	}
	decision, err := s.deps.Payments.Explain(r.Context(), merchant, req)
	if err != nil {
		return reply{}, err
	}
	body := explanation{Candidates: decision.Candidates, Strategy: decision.Strategy}
	if body.Candidates == nil {
		body.Candidates = []channels.Candidate{}
	}
	if c, ok := decision.Chosen(); ok {
		body.Chosen = &c
	}
	if decision.Rule != "" {
		body.Rule = &decision.Rule
	}
	return reply{status: http.StatusOK, body: body}, nil
}

// routingFields leaves out that fields are absent which routing does not look
// at: the question may be asked before there is an order.
func routingFields(req payment.CreateRequest, content []payment.FieldError) []payment.FieldError {
	absent := map[string]bool{
		"merchant_order_no": req.MerchantOrderNo == "",
		"subject":           req.Subject == "",
		"payer_id":          req.PayerID == "",
		"client_ip":         req.ClientIP == "",
	}
	return slices.DeleteFunc(content, func(f payment.FieldError) bool { return absent[f.Field] })
}
