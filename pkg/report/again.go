package report

import "regexp"

// Again says how the user reached the evidence, so that the commands which a report suggests
// reach the same. Each is empty or begins with a space, and is quoted for a shell.
type Again struct {
	// Evidence are the flags that name the evidence for this program, Cluster those of them that
	// kubectl takes too.
	Evidence, Cluster string
	// Scope are the words and flags that name what was asked about.
	Scope string
	// Recorded says that the evidence is within this program, where only one command reads it.
	Recorded bool
}

// edges is the command that lists the connections that the report counts; "" if there is none.
func (s *Style) edges(flags string) string {
	if s.Again.Recorded {
		return ""
	}
	return Clean(s.Program + " edges" + flags + s.Again.Evidence + s.Again.Scope)
}

var (
	ownCommand     = regexp.MustCompile(`(?m)(^|[;|&(] *)kubectl mtls-doctor (edges|capture)`)
	kubectlCommand = regexp.MustCompile(`(?m)(^|[;|&(] *)kubectl (mtls-doctor )?`)
)

// aimed makes the commands of a fix reach the cluster, or the evidence, that the report is about.
func (s *Style) aimed(command string) string {
	command = kubectlCommand.ReplaceAllStringFunc(command, func(m string) string {
		if ownSuffix.MatchString(m) {
			return m
		}
		return m[:len(m)-1] + s.Again.Cluster + " "
	})
	return ownCommand.ReplaceAllStringFunc(command, func(m string) string {
		parts := ownCommand.FindStringSubmatch(m)
		return parts[1] + s.Program + " " + parts[2] + s.Again.Evidence
	})
}

var ownSuffix = regexp.MustCompile(`mtls-doctor $`)
