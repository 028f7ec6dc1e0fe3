package console

import "errors"

// issuer is what an app shows above the codes.
const issuer = "paymux"

type accountView struct {
	// Pending is a second step that waits to be confirmed.
	Pending     bool
	Secret, URI string
	Code        picture
}

func (c *Console) accountPage(v *visit) error {
	view := accountView{}
	if len(v.user.TOTPPending) > 0 {
		view.Pending = true
		view.Secret = spaced(totpText(v.user.TOTPPending))
		view.URI = totpURI(issuer, v.user.Name, v.user.TOTPPending)
		code, err := drawCode(view.URI)
		if err != nil {
			return err
		}
		view.Code = code
	}
	return c.show(v, "account", "account.title", view)
}

// spaced groups letters by four, as people type them.
func spaced(s string) string {
	out := ""
	for i, r := range s {
		if i > 0 && i%4 == 0 {
			out += " "
		}
		out += string(r)
	}
	return out
}

const accountPath = Prefix + "/account"

func (c *Console) changePassword(v *visit) error {
	next := v.r.PostForm.Get("new_password")
	if next != v.r.PostForm.Get("new_password_again") {
		return v.redirect(accountPath, "problem.password_twice")
	}
	token, err := c.deps.Logins.ChangePassword(v.r.Context(), v.user, v.session, v.r.PostForm.Get("password"), next, c.address(v))
	if err != nil {
		return v.answer(wrongPassword(err), accountPath, "")
	}
	c.begin(v, token)
	return v.redirect(accountPath, "done.password")
}

func (c *Console) beginTOTP(v *visit) error {
	return v.answer(wrongPassword(c.deps.Logins.BeginTOTP(v.r.Context(), v.user, v.r.PostForm.Get("password"), c.address(v))), accountPath, "")
}

func (c *Console) confirmTOTP(v *visit) error {
	err := c.deps.Logins.ConfirmTOTP(v.r.Context(), v.user, v.session, v.form("code"), c.address(v))
	if errors.Is(err, ErrWrongLogin) {
		return v.redirect(accountPath, "problem.wrong_code")
	}
	return v.answer(err, accountPath, "done.totp")
}

func (c *Console) removeTOTP(v *visit) error {
	return v.answer(wrongPassword(c.deps.Logins.RemoveTOTP(v.r.Context(), v.user, v.session, v.r.PostForm.Get("password"), c.address(v))), accountPath, "done.totp_removed")
}

// wrongPassword names a wrong password to somebody who is logged in.
func wrongPassword(err error) error {
	if errors.Is(err, ErrWrongLogin) {
		return &InputError{"problem.wrong_password"}
	}
	return err
}
