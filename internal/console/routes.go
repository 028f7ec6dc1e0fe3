package console

import "net/http"

// route is one page or act: what it needs and who serves it.
type route struct {
	method, path string
	need         permission
	serve        func(c *Console, v *visit) error
}

// routes is every page and act. Each GET only reads.
var routes = []route{
	{http.MethodGet, "/login", open, (*Console).loginPage},
	{http.MethodPost, "/login", open, (*Console).login},
	{http.MethodGet, "/login/code", open, (*Console).codePage},
	{http.MethodPost, "/login/code", open, (*Console).code},
	{http.MethodPost, "/language", open, (*Console).setLanguage},
	{http.MethodPost, "/logout", own, (*Console).logout},

	{http.MethodGet, "/{$}", own, (*Console).home},
	{http.MethodGet, "/account", own, (*Console).accountPage},
	{http.MethodPost, "/account/password", own, (*Console).changePassword},
	{http.MethodPost, "/account/totp", own, (*Console).beginTOTP},
	{http.MethodPost, "/account/totp/confirm", own, (*Console).confirmTOTP},
	{http.MethodPost, "/account/totp/remove", own, (*Console).removeTOTP},

	{http.MethodGet, "/days", seeDays, (*Console).calendarPage},
	{http.MethodGet, "/days/{day}", seeDays, (*Console).dayPage},
	{http.MethodPost, "/days/{day}/run", runAgain, (*Console).runDay},
	{http.MethodGet, "/days/{day}/statements/{version}/{file}", fetchStatements, (*Console).statementFile},
	{http.MethodGet, "/reconciliations/{id}/bills/{digest}", fetchBills, (*Console).billFile},

	{http.MethodGet, "/discrepancies", seeDays, (*Console).discrepanciesPage},
	{http.MethodGet, "/discrepancies/{id}", seeDays, (*Console).discrepancyPage},
	{http.MethodPost, "/discrepancies/{id}/assign", workDiscrepancies, (*Console).assign},
	{http.MethodPost, "/discrepancies/{id}/comment", workDiscrepancies, (*Console).comment},
	{http.MethodPost, "/discrepancies/{id}/resolve", workDiscrepancies, (*Console).resolve},
	{http.MethodPost, "/discrepancies/{id}/approve", workDiscrepancies, (*Console).approve},
	{http.MethodPost, "/discrepancies/{id}/reject", workDiscrepancies, (*Console).reject},

	{http.MethodGet, "/payments", seePayments, (*Console).paymentsPage},
	{http.MethodGet, "/payments/{id}", seePayments, (*Console).paymentPage},
	{http.MethodPost, "/attempts/{id}/ask", askChannels, (*Console).askAttempt},
	{http.MethodPost, "/refunds/{id}/ask", askChannels, (*Console).askRefund},
	{http.MethodPost, "/payments/{id}/events/{event}/resend", resendEvents, (*Console).resendEvent},
	{http.MethodPost, "/payments/{id}/callbacks/{callback}/open", openCallbacks, (*Console).openCallback},
	{http.MethodGet, "/payments/{id}/callbacks/{callback}", openCallbacks, (*Console).callbackPage},

	{http.MethodGet, "/audit", seeAudit, (*Console).auditPage},
	{http.MethodGet, "/users", keepUsers, (*Console).usersPage},
	{http.MethodPost, "/users", keepUsers, (*Console).addUser},
	{http.MethodPost, "/users/{id}/role", keepUsers, (*Console).setRole},
	{http.MethodPost, "/users/{id}/password", keepUsers, (*Console).setPassword},
	{http.MethodPost, "/users/{id}/totp-reset", keepUsers, (*Console).resetTOTP},
	{http.MethodPost, "/users/{id}/disable", keepUsers, (*Console).disableUser},
	{http.MethodPost, "/users/{id}/enable", keepUsers, (*Console).enableUser},
}
