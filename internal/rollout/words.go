package rollout

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// causes are what registries and the network say, most telling first. The
// kubelet wraps them in the names of everything between itself and them.
// They are compiled when first needed: most runs have no use for them.
var causes = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`manifest unknown`),
		regexp.MustCompile(`pull access denied, [^:"]*|pull access denied`),
		regexp.MustCompile(`no such host`),
		regexp.MustCompile(`\b[45]\d\d [A-Z][A-Za-z]+(?: [A-Z][A-Za-z]+)*`),
		regexp.MustCompile(`unauthorized: [^:"]*|unauthorized`),
		regexp.MustCompile(`x509: [^"]*`),
		regexp.MustCompile(`connection refused|connection reset by peer|network is unreachable|i/o timeout|TLS handshake timeout`),
		regexp.MustCompile(`no match for platform[^:"]*`),
		regexp.MustCompile(`repository does not exist|name unknown|insufficient_scope`),
		regexp.MustCompile(`authorization failed|access denied|denied`),
		regexp.MustCompile(`not found`),
	}
})

// registryWords returns the innermost cause of a pull that failed, as the
// registry or the network put it: "manifest unknown".
func registryWords(message string) string {
	for _, re := range causes() {
		if m := re.FindString(message); m != "" {
			return strings.TrimSpace(m)
		}
	}
	parts := strings.Split(strings.TrimSpace(message), ": ")
	return shorten(parts[len(parts)-1])
}

// lasting are answers that another try does not change.
var lasting = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)manifest unknown|not found|name unknown|does not exist|denied|unauthorized|forbidden|no such host|insufficient_scope|authorization failed|no match for platform|invalid reference format`)
})

// isLasting says whether a failed pull will fail again.
func isLasting(message string) bool { return lasting().MatchString(message) }

// maxText bounds what others say, in bytes.
const maxText = 300

// shorten makes one line of a message, with an end.
func shorten(message string) string {
	message = strings.Join(strings.Fields(message), " ")
	if len(message) <= maxText {
		return message
	}
	cut := maxText
	for cut > 0 && message[cut]&0xC0 == 0x80 { // not within a character
		cut--
	}
	return message[:cut] + " …"
}

var small = []string{"never", "once", "twice", "three times", "four times", "five times", "six times", "seven times", "eight times", "nine times", "ten times"}

// times writes how often: once, four times, 12 times.
func times(n int64) string {
	if n >= 0 && n < int64(len(small)) {
		return small[n]
	}
	return fmt.Sprintf("%d times", n)
}

// lastLines returns the last lines of a log, without empty ones at its ends.
func lastLines(log string, n int) []string {
	log = strings.Trim(strings.ReplaceAll(log, "\r\n", "\n"), "\n")
	if strings.TrimSpace(log) == "" {
		return nil
	}
	lines := strings.Split(log, "\n")
	lines = lines[max(0, len(lines)-n):]
	for i := range lines {
		lines[i] = Printable(strings.TrimRight(lines[i], " \t\r"))
	}
	return lines
}

// Printable keeps a log from steering the terminal that shows it.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, shortLine(s))
}

const maxLine = 500

func shortLine(s string) string {
	if len(s) > maxLine {
		return s[:maxLine] + " …"
	}
	return s
}

// probeWords says what a probe last said: "readiness probe: HTTP 503".
func probeWords(events []*unstructured.Unstructured) string {
	var message string
	var when time.Time
	for _, e := range events {
		if text(at(e, "reason")) != "Unhealthy" {
			continue
		}
		if _, _, last := occurred(e); message == "" || last.After(when) {
			message, when = text(at(e, "message")), last
		}
	}
	kind, said, ok := strings.Cut(message, " probe failed: ")
	if !ok {
		return shorten(message)
	}
	if code, isHTTP := strings.CutPrefix(said, "HTTP probe failed with statuscode: "); isHTTP {
		said = "HTTP " + code
	}
	return strings.ToLower(kind) + " probe: " + shorten(said)
}

// setupWords shortens what the kubelet says about volumes and networks.
func setupWords(message string) string {
	volume := regexp.MustCompile(`for volume "([^"]+)"`).FindStringSubmatch(message)
	_, cause, ok := strings.Cut(message, " : ")
	if volume == nil || !ok {
		return shorten(message)
	}
	return fmt.Sprintf("volume %s: %s", volume[1], shorten(cause))
}

// startWords shortens what the runtime says about a program that it cannot run.
func startWords(p problem) string {
	message := p.message
	if i := strings.LastIndex(message, "exec: "); i >= 0 {
		message = message[i+len("exec: "):]
	}
	if message == "" {
		message = p.reason
	}
	return shorten(message)
}

// pendingClaims are the claims of pods that the scheduler holds back for them.
func (c *collected) pendingClaims() []string {
	seen := map[string]bool{}
	var names []string
	for _, pod := range c.pods {
		if conditionOf(pod, "PodScheduled").Status != "False" {
			continue
		}
		for _, v := range items(at(pod, "spec", "volumes")) {
			name := text(in(v, "persistentVolumeClaim", "claimName"))
			if name != "" && !seen[name] && len(names) < maxCauses {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}

// claimWords says what is wrong with the claims of pods that cannot be scheduled.
func (c *collected) claimWords() []string {
	var lines []string
	for _, name := range c.noClaims {
		lines = append(lines, "PersistentVolumeClaim/"+name+" does not exist")
	}
	for _, claim := range c.claims {
		if text(at(claim, "status", "phase")) == "Bound" {
			continue
		}
		line := failAsID(claim) + " is not bound"
		var last time.Time
		for _, e := range eventsOf(claim, c.events) {
			if _, _, when := occurred(e); !when.Before(last) {
				last = when
				line = failAsID(claim) + " is not bound: " + claimReason(text(at(e, "message")))
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// claimReason shortens what the volume controller says of a claim.
func claimReason(message string) string {
	if _, rest, ok := strings.Cut(message, "by the external provisioner '"); ok {
		name, _, _ := strings.Cut(rest, "'")
		return "provisioner " + name + " has made no volume for it; does it run?"
	}
	return shorten(message)
}

// signals are exit codes by which a shell or runtime tells of a signal.
var signals = map[int64]string{130: "SIGINT", 131: "SIGQUIT", 132: "SIGILL", 134: "SIGABRT", 135: "SIGBUS", 136: "SIGFPE", 137: "SIGKILL", 139: "SIGSEGV", 143: "SIGTERM"}

// exitWords say how a container ended.
func exitWords(code int64) string {
	if name := signals[code]; name != "" {
		return fmt.Sprintf("exited %d (%s)", code, name)
	}
	return fmt.Sprintf("exited %d", code)
}

// killedBy is the probe for which the kubelet kills a container, and what it
// last said; empty when none does.
func killedBy(container string, events []*unstructured.Unstructured) string {
	for _, e := range events {
		message := text(at(e, "message"))
		if text(at(e, "reason")) != "Killing" || !strings.HasPrefix(message, "Container "+container+" failed ") {
			continue
		}
		kind, _, _ := strings.Cut(strings.TrimPrefix(message, "Container "+container+" failed "), " probe")
		var of []*unstructured.Unstructured
		for _, u := range events {
			if strings.HasPrefix(strings.ToLower(text(at(u, "message"))), kind+" probe failed") {
				of = append(of, u)
			}
		}
		if said := probeWords(of); said != "" {
			return said
		}
		return kind + " probe"
	}
	return ""
}

// schedulerWords drops what the scheduler says about other pods.
func schedulerWords(message string) string {
	for _, end := range []string{" no new claims to deallocate", " preemption:", ". not found"} {
		message, _, _ = strings.Cut(message, end)
	}
	return shorten(strings.TrimRight(message, " .,"))
}
