package router

// Severity tells whether rules can be used.
type Severity string

// The severities.
const (
	// Fault: the rules are refused.
	Fault Severity = "error"
	// Warning: the rules can be used, but something in them is without effect or
	// most likely not meant so.
	Warning Severity = "warning"
)

// Issue is one thing that is wrong with rules.
type Issue struct {
	// Field is where, "rules[2].use[0].weight".
	Field    string   `json:"field"`
	Severity Severity `json:"severity"`
	// Message says what is wrong and what to do.
	Message string `json:"message"`
	// Line of the document, from 1; 0: not known.
	Line int `json:"line,omitempty"`
}

// Faulty tells whether one of the issues is a fault.
func Faulty(issues []Issue) bool {
	for _, i := range issues {
		if i.Severity == Fault {
			return true
		}
	}
	return false
}
