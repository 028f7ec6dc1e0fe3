package console

import (
	"context"
)

type usersView struct {
	Scope scope
	Roles []Role
	List  []User
}

const usersPath = Prefix + "/users"

func (c *Console) usersPage(v *visit) error {
	sc, err := c.scope(v)
	if err != nil {
		return err
	}
	list, err := c.deps.Staff.List(v.r.Context(), v.user.MerchantID)
	if err != nil {
		return err
	}
	return c.show(v, "users", "users.title", usersView{Scope: sc, Roles: Roles(), List: list})
}

func (c *Console) addUser(v *visit) error {
	merchantID := v.user.MerchantID
	if v.user.Operator() {
		merchantID = v.form("merchant")
		if merchantID != "" {
			if _, err := c.scopeOf(v.r.Context(), v.user, merchantID); err != nil {
				return err
			}
		}
	}
	_, err := c.deps.Staff.Add(v.r.Context(), v.user.Name, NewUser{
		Name: v.form("name"), Role: Role(v.form("role")), MerchantID: merchantID, Password: v.r.PostForm.Get("password"),
	})
	return v.answer(err, usersPath, "done.user_added")
}

// onUser does something to another user whom this one may administer.
func (c *Console) onUser(v *visit, done string, do func(ctx context.Context, actor, id string) error) error {
	ctx := v.r.Context()
	u, err := c.deps.Staff.store.UserByID(ctx, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := v.user.visible(u.MerchantID); err != nil {
		return err
	}
	// Nobody locks themselves out, or takes the way around the own password.
	if u.ID == v.user.ID {
		return v.redirect(usersPath, "problem.yourself")
	}
	return v.answer(do(ctx, v.user.Name, u.ID), usersPath, done)
}

func (c *Console) setRole(v *visit) error {
	return c.onUser(v, "done.user_changed", func(ctx context.Context, actor, id string) error {
		return c.deps.Staff.SetRole(ctx, actor, id, Role(v.form("role")))
	})
}

func (c *Console) setPassword(v *visit) error {
	return c.onUser(v, "done.user_password", func(ctx context.Context, actor, id string) error {
		return c.deps.Staff.SetPassword(ctx, actor, id, v.r.PostForm.Get("password"))
	})
}

func (c *Console) resetTOTP(v *visit) error {
	return c.onUser(v, "done.user_changed", c.deps.Staff.ResetTOTP)
}

func (c *Console) disableUser(v *visit) error {
	return c.onUser(v, "done.user_changed", func(ctx context.Context, actor, id string) error {
		return c.deps.Staff.SetDisabled(ctx, actor, id, true)
	})
}

func (c *Console) enableUser(v *visit) error {
	return c.onUser(v, "done.user_changed", func(ctx context.Context, actor, id string) error {
		return c.deps.Staff.SetDisabled(ctx, actor, id, false)
	})
}
