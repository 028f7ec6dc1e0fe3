package httpapi

import (
	"net/http"

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
	// RulesVersion is absent where the merchant has no rules.
	RulesVersion int64 `json:"rules_version,omitempty"`
}

func (s *Server) explainRoute(r *http.Request) (reply, error) {
	req, err := s.readCreate(r, asQuestion)
	if err != nil {
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
	body := explanation{Candidates: decision.Candidates, Strategy: decision.Strategy, RulesVersion: decision.RulesVersion}
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

// asQuestion fills in what a payment must have but routing does not look at: the
// question may be asked before there is an order.
func asQuestion(req *payment.CreateRequest) {
	for _, f := range []struct {
		field *string
		value string
	}{
		{&req.MerchantOrderNo, "explain"},
		{&req.Subject, "explain"},
		{&req.PayerID, "explain"},
		{&req.ClientIP, "127.0.0.1"},
	} {
		if *f.field == "" {
			*f.field = f.value
		}
	}
}
