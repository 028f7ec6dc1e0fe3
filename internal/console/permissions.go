package console

import "slices"

// permission is something that a user may or may not do.
type permission int

const (
	// open needs no login.
	open permission = iota
	// own is one's own account: every role.
	own
	seeDays
	fetchStatements
	fetchBills
	runAgain
	workDiscrepancies
	seePayments
	askChannels
	resendEvents
	openCallbacks
	seeAudit
	keepUsers
)

// roles says who may do what. A permission without a row is nobody's.
var roles = map[permission][]Role{
	own:               {Finance, Operations, Admin},
	seeDays:           {Finance, Operations, Admin},
	fetchStatements:   {Finance, Operations, Admin},
	fetchBills:        {Finance, Operations, Admin},
	runAgain:          {Operations, Admin},
	workDiscrepancies: {Finance, Operations, Admin},
	seePayments:       {Finance, Operations, Admin},
	askChannels:       {Operations, Admin},
	resendEvents:      {Operations, Admin},
	openCallbacks:     {Operations, Admin},
	seeAudit:          {Admin},
	keepUsers:         {Admin},
}

// operatorOnly is what a merchant's own users may not do whatever their role.
// The channel's originals and raw messages are the operator's records.
var operatorOnly = []permission{fetchBills, openCallbacks}

// may tells whether a user has a permission.
func (u User) may(p permission) bool {
	if p == open {
		return true
	}
	if !u.Operator() && slices.Contains(operatorOnly, p) {
		return false
	}
	return slices.Contains(roles[p], u.Role)
}
