package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/paymux/paymux/internal/audit"
)

// Actor is who acts: a console user, or "cli:" and a user of the operating
// system.
type Actor struct {
	Name string
	// MerchantID bounds what the actor may touch; empty: the operator, all.
	MerchantID string
}

// The refusals of what a person asks for, besides payment.ErrNotFound and
// payment.ErrStale (somebody changed it meanwhile; read it again).
var (
	// ErrSecondPerson: a person cannot approve what they proposed themselves.
	ErrSecondPerson = errors.New("another person than the one who proposed it must approve or reject it")
	// ErrNotOpen: only an open discrepancy can be resolved, and only a proposed
	// resolution approved or rejected.
	ErrNotOpen = errors.New("the discrepancy is not in a state that allows this")
	// ErrNoText: a reason or comment of 1 to 2000 characters is needed.
	ErrNoText = errors.New("a text of 1 to 2000 characters is needed")
)

// maxText and maxName bound what people write, in characters and bytes.
const (
	maxText = 2000
	maxName = audit.MaxActor
)

// text checks what a person wrote.
func text(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" || !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxText {
		return "", ErrNoText
	}
	return s, nil
}

// Assign says who looks into a discrepancy; empty: nobody.
func (s *Service) Assign(ctx context.Context, id string, version int64, actor Actor, assignee string) (Discrepancy, error) {
	assignee = strings.TrimSpace(assignee)
	if len(assignee) > maxName || !utf8.ValidString(assignee) {
		return Discrepancy{}, fmt.Errorf("assign: a name has at most %d bytes: %w", maxName, ErrNoText)
	}
	return s.act(ctx, id, version, actor, "discrepancy.assign", func(d *Discrepancy, note map[string]string, _ StaffTx) error {
		note["assignee"], note["former_assignee"] = assignee, d.Assignee
		d.Assignee = assignee
		return nil
	})
}

// Comment adds a person's text.
func (s *Service) Comment(ctx context.Context, id string, actor Actor, body string) (Comment, error) {
	body, err := text(body)
	if err != nil {
		return Comment{}, err
	}
	var c Comment
	err = s.Store.Staff(ctx, func(tx StaffTx) error {
		d, err := tx.Discrepancy(ctx, actor.MerchantID, id)
		if err != nil {
			return err
		}
		c = s.comment(d.ID, actor, body)
		if err := tx.InsertComment(ctx, c); err != nil {
			return err
		}
		return s.audit(ctx, tx, actor, "discrepancy.comment", d, map[string]string{"comment_id": c.ID})
	})
	return c, err
}

func (s *Service) comment(discrepancyID string, actor Actor, body string) Comment {
	return Comment{ID: "com_" + s.NewID(), DiscrepancyID: discrepancyID, Author: actor.Name, Text: body, At: s.now()}
}

// Resolve explains an open discrepancy. Above the limit for a single pair of
// eyes it stays open, proposed, until another person approves it.
func (s *Service) Resolve(ctx context.Context, id string, version int64, actor Actor, reason string) (Discrepancy, error) {
	reason, err := text(reason)
	if err != nil {
		return Discrepancy{}, err
	}
	return s.act(ctx, id, version, actor, "discrepancy.resolve", func(d *Discrepancy, note map[string]string, _ StaffTx) error {
		if d.Status != Open || d.ProposedBy != "" {
			return ErrNotOpen
		}
		note["reason"] = clip(reason)
		d.ProposedBy, d.Resolution = actor.Name, reason
		if s.NeedsSecondPerson(*d) {
			note["waits_for"] = "approval by another person"
			return nil
		}
		d.Status, d.ResolvedAt = Resolved, s.now()
		return nil
	})
}

// NeedsSecondPerson tells whether a resolution must be approved by another
// person: the larger of both sides' amounts is above the configured limit.
func (s *Service) NeedsSecondPerson(d Discrepancy) bool {
	var most int64
	for _, e := range []*Entry{d.Ours, d.Theirs} {
		if e != nil {
			most = max(most, e.Amount.Minor())
		}
	}
	return most > s.cfg.SecondEyesAbove
}

// Approve lets a proposed resolution stand; ErrSecondPerson for its proposer.
func (s *Service) Approve(ctx context.Context, id string, version int64, actor Actor) (Discrepancy, error) {
	return s.act(ctx, id, version, actor, "discrepancy.approve", func(d *Discrepancy, note map[string]string, _ StaffTx) error {
		if err := secondPerson(d, actor); err != nil {
			return err
		}
		note["proposed_by"] = d.ProposedBy
		d.Status, d.ApprovedBy, d.ResolvedAt = Resolved, actor.Name, s.now()
		return nil
	})
}

// Reject takes a proposed resolution away; the reason is kept as a comment. Its
// proposer may take it back too.
func (s *Service) Reject(ctx context.Context, id string, version int64, actor Actor, reason string) (Discrepancy, error) {
	reason, err := text(reason)
	if err != nil {
		return Discrepancy{}, err
	}
	return s.act(ctx, id, version, actor, "discrepancy.reject", func(d *Discrepancy, note map[string]string, tx StaffTx) error {
		if d.Status != Open || d.ProposedBy == "" {
			return ErrNotOpen
		}
		note["proposed_by"], note["proposal"], note["reason"] = d.ProposedBy, clip(d.Resolution), clip(reason)
		d.ProposedBy, d.Resolution = "", ""
		return tx.InsertComment(ctx, s.comment(d.ID, actor, reason))
	})
}

func secondPerson(d *Discrepancy, actor Actor) error {
	switch {
	case d.Status != Open || d.ProposedBy == "":
		return ErrNotOpen
	case d.ProposedBy == actor.Name:
		return ErrSecondPerson
	default:
		return nil
	}
}

// clip keeps a text within what an audit entry takes beside others.
func clip(s string) string {
	const most = 1500
	for len(s) > most {
		_, size := utf8.DecodeLastRuneInString(s[:most+1])
		s = s[:most+1-size]
	}
	return s
}

// act changes a discrepancy as a person, with its audit entry.
func (s *Service) act(ctx context.Context, id string, version int64, actor Actor, action string,
	change func(d *Discrepancy, note map[string]string, tx StaffTx) error,
) (Discrepancy, error) {
	if actor.Name == "" || len(actor.Name) > maxName {
		return Discrepancy{}, fmt.Errorf("%s: who acts is not told", action)
	}
	var d Discrepancy
	err := s.Store.Staff(ctx, func(tx StaffTx) error {
		var err error
		if d, err = tx.Discrepancy(ctx, actor.MerchantID, id); err != nil {
			return err
		}
		note, told := map[string]string{}, d
		d.Version, d.UpdatedAt = version, s.now()
		if err := change(&d, note, tx); err != nil {
			return err
		}
		if err := tx.UpdateDiscrepancy(ctx, &d); err != nil {
			return err
		}
		// Who looks into it does not stand in the statement.
		if d.Status != told.Status || d.Resolution != told.Resolution {
			if err := tx.StatementIsDue(ctx, DayKey{AccountID: d.AccountID, Day: d.Day}); err != nil {
				return err
			}
		}
		return s.audit(ctx, tx, actor, action, d, note)
	})
	if err != nil {
		return Discrepancy{}, err
	}
	return d, nil
}

func (s *Service) audit(ctx context.Context, tx StaffTx, actor Actor, action string, d Discrepancy, note map[string]string) error {
	note["kind"], note["subject"], note["day"], note["account_id"] = string(d.Kind), d.SubjectID, d.Day.String(), d.AccountID
	detail, err := json.Marshal(note)
	if err != nil {
		return fmt.Errorf("render audit entry: %w", err)
	}
	return tx.InsertAudit(ctx, audit.Entry{
		ID: audit.IDPrefix + s.NewID(), At: s.now(), Actor: actor.Name, Action: action,
		MerchantID: d.MerchantID, Subject: d.ID, Detail: string(detail),
	})
}
