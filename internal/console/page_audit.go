package console

import (
	"encoding/json"
	"fmt"
	"net/url"
	"sort"
	"strings"

	"github.com/paymux/paymux/internal/audit"
)

type auditView struct {
	Scope                  scope
	Actor, Action, Subject string
	List                   []audit.Entry
	First, Next            string
}

func (c *Console) auditPage(v *visit) error {
	sc, err := c.scope(v)
	if err != nil {
		return err
	}
	view := auditView{Scope: sc, Actor: v.query("actor"), Action: v.query("action"), Subject: v.query("subject")}
	f := audit.Filter{MerchantID: v.user.MerchantID, Actor: view.Actor, Action: view.Action, Subject: view.Subject, Limit: c.cfg.PageSize + 1}
	f.BeforeTime, f.BeforeID = cursor(v.query("before"))
	if view.List, err = c.deps.Audit.ListAudit(v.r.Context(), f); err != nil {
		return err
	}
	q := url.Values{}
	for name, value := range map[string]string{"actor": view.Actor, "action": view.Action, "subject": view.Subject} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if !f.BeforeTime.IsZero() {
		view.First = Prefix + "/audit?" + q.Encode()
	}
	if len(view.List) > c.cfg.PageSize {
		view.List = view.List[:c.cfg.PageSize]
		last := view.List[len(view.List)-1]
		q.Set("before", place(last.At, last.ID))
		view.Next = Prefix + "/audit?" + q.Encode()
	}
	return c.show(v, "audit", "audit.title", view)
}

// Act is the word for what an entry says was done. One act of a discrepancy has
// two meanings each: a resolution may be a proposal only, and who rejects the
// own proposal withdraws it.
func (p *page) Act(e audit.Entry) string {
	var detail struct {
		WaitsFor   string `json:"waits_for"`
		ProposedBy string `json:"proposed_by"`
	}
	// A detail of another form says nothing about these.
	_ = json.Unmarshal([]byte(e.Detail), &detail)
	switch {
	case e.Action == "discrepancy.resolve" && detail.WaitsFor != "":
		return p.Word("act", "discrepancy.propose")
	case e.Action == "discrepancy.reject" && detail.ProposedBy == e.Actor:
		return p.Word("act", "discrepancy.withdraw")
	default:
		return p.Word("act", e.Action)
	}
}

// matters are what is told of an act where its place is clear, in this order.
var matters = []string{"assignee", "reason", "evidence", "answer", "from", "to", "refused"}

// Matter writes what matters of an entry on the page of what it is about.
func (p *page) Matter(e audit.Entry) string {
	var fields map[string]any
	if err := json.Unmarshal([]byte(e.Detail), &fields); err != nil {
		return ""
	}
	var parts []string
	for _, name := range matters {
		if value, ok := fields[name].(string); ok && value != "" {
			parts = append(parts, p.T("matter."+name)+p.T("matter.colon")+p.matterOf(e.Action, name, value))
		}
	}
	return strings.Join(parts, " · ")
}

// matterOf is a value of an entry in the page's language.
func (p *page) matterOf(action, name, value string) string {
	switch {
	case name == "answer":
		return p.Told(p.Word("answer", value), "")
	case name == "refused" || name == "evidence": // the gateway settles with evidence too
		return p.Told(value, "")
	case (name == "from" || name == "to") && strings.HasPrefix(action, "refund."):
		return p.Word("refund", value)
	case name == "from" || name == "to":
		return p.Word("attempt", value)
	default:
		return value
	}
}

// Detail writes an entry's detail as "name: value · …".
func (p *page) Detail(e audit.Entry) string {
	var fields map[string]any
	if err := json.Unmarshal([]byte(e.Detail), &fields); err != nil {
		return e.Detail
	}
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	sort.Strings(names)
	parts := make([]string, 0, len(names))
	for _, name := range names {
		value := fields[name]
		if text, err := json.Marshal(value); err == nil {
			if s, ok := value.(string); ok {
				text = []byte(s)
			}
			parts = append(parts, fmt.Sprintf("%s: %s", name, text))
		}
	}
	return strings.Join(parts, " · ")
}
