package console

import (
	"context"

	"github.com/paymux/paymux/internal/payment"
)

// scope is whose business a page shows.
type scope struct {
	// MerchantID is empty for every merchant's.
	MerchantID string
	// Merchants are those to choose from; none where there is no choice.
	Merchants []Merchant
	// names of merchants by id.
	names map[string]string
}

// Name is a merchant's name.
func (s scope) Name(id string) string {
	if name := s.names[id]; name != "" {
		return name
	}
	return id
}

// scope reads which merchant a page is about. A merchant's user sees that one;
// another's is not found.
func (c *Console) scope(v *visit) (scope, error) {
	return c.scopeOf(v.r.Context(), v.user, v.query("merchant"))
}

func (c *Console) scopeOf(ctx context.Context, u User, asked string) (scope, error) {
	if !u.Operator() && asked != "" && asked != u.MerchantID {
		return scope{}, payment.ErrNotFound
	}
	list, err := c.deps.Merchants.ListMerchants(ctx)
	if err != nil {
		return scope{}, err
	}
	s := scope{MerchantID: u.MerchantID, names: make(map[string]string, len(list))}
	for _, m := range list {
		s.names[m.ID] = m.Name
	}
	if !u.Operator() {
		s.names = map[string]string{u.MerchantID: s.names[u.MerchantID]}
		return s, nil
	}
	s.Merchants = list
	switch {
	case asked != "" && s.names[asked] == "":
		return scope{}, payment.ErrNotFound
	case asked != "":
		s.MerchantID = asked
	case len(list) == 1:
		s.MerchantID = list[0].ID
	}
	return s, nil
}

// mostTogether bounds the merchants whose days are shown on one page.
const mostTogether = 50

// bounded is one merchant's where all would be too many for a page.
func (s scope) bounded() scope {
	if s.MerchantID == "" && len(s.Merchants) > mostTogether {
		s.MerchantID = s.Merchants[0].ID
	}
	return s
}

// visible hides what is another merchant's.
func (u User) visible(merchantID string) error {
	if !u.Operator() && u.MerchantID != merchantID {
		return payment.ErrNotFound
	}
	return nil
}
