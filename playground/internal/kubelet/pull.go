package kubelet

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
)

const (
	badRegistry     = "registry.invalid/" // nothing below it is ever pulled
	defaultPullTime = 150 * time.Millisecond
)

// pullErrors are the texts that a container runtime gives, by the first word of the path below badRegistry. Any other word is an
// image that does not exist.
var pullErrors = map[string]string{
	"denied": `rpc error: code = Unknown desc = failed to pull and unpack image "{image}": failed to resolve reference "{image}": ` +
		`pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`,
	"unauthorized": `rpc error: code = Unknown desc = failed to pull and unpack image "{image}": failed to resolve reference "{image}": ` +
		`failed to authorize: failed to fetch anonymous token: unexpected status from GET request to ` +
		`https://registry.invalid/token?scope=repository%3A{repo}%3Apull&service=registry.invalid: 401 Unauthorized`,
	"ratelimit": `rpc error: code = Unknown desc = failed to pull and unpack image "{image}": failed to copy: httpReadSeeker: failed open: ` +
		`unexpected status code https://registry.invalid/v2/{repo}/manifests/{tag}: 429 Too Many Requests - Server message: ` +
		`toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit`,
	"nohost": `rpc error: code = Unknown desc = failed to pull and unpack image "{image}": failed to resolve reference "{image}": ` +
		`failed to do request: Head "https://registry.invalid/v2/{repo}/manifests/{tag}": ` +
		`dial tcp: lookup registry.invalid on 10.96.0.10:53: no such host`,
	"timeout": `rpc error: code = DeadlineExceeded desc = failed to pull and unpack image "{image}": failed to resolve reference "{image}": ` +
		`failed to do request: Head "https://registry.invalid/v2/{repo}/manifests/{tag}": dial tcp 192.0.2.10:443: i/o timeout`,
	"tls": `rpc error: code = Unknown desc = failed to pull and unpack image "{image}": failed to resolve reference "{image}": ` +
		`failed to do request: Head "https://registry.invalid/v2/{repo}/manifests/{tag}": ` +
		`tls: failed to verify certificate: x509: certificate signed by unknown authority`,
	"platform": `rpc error: code = NotFound desc = failed to pull and unpack image "{image}": no match for platform in manifest: not found`,
	"": `rpc error: code = NotFound desc = failed to pull and unpack image "{image}": failed to resolve reference "{image}": ` +
		`{image}: not found`,
}

// pullError returns why an image cannot be pulled, "" if it can.
func pullError(image string) string {
	rest, bad := strings.CutPrefix(image, badRegistry)
	if !bad {
		return ""
	}
	repo, tag := rest, "latest"
	if i := strings.IndexAny(rest, ":@"); i >= 0 {
		repo, tag = rest[:i], rest[i+1:]
	} else {
		image += ":latest"
	}
	word, _, _ := strings.Cut(repo, "/")
	text, ok := pullErrors[word]
	if !ok {
		text = pullErrors[""]
	}
	return strings.NewReplacer("{image}", image, "{repo}", repo, "{tag}", tag).Replace(text)
}

// imageStore is the set of images that the nodes have.
type imageStore struct {
	mu   sync.Mutex
	have map[string]bool // node and image
}

func (s *imageStore) has(node, image string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.have[node+" "+image]
}

func (s *imageStore) add(node, image string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.have == nil {
		s.have = map[string]bool{}
	}
	s.have[node+" "+image] = true
}

// pull sees to a container's image and reports whether it is there; if not, the container's waiting state says why.
func (p *Pod) pull(c *container, now time.Time) bool {
	image := c.spec.Image
	if _, err := reference.ParseNormalizedNamed(image); err != nil {
		message := fmt.Sprintf("Failed to apply default image tag %q: couldn't parse image name %q: %v", image, image, err)
		p.warn(c, "InspectFailed", message)
		p.fail(c, "InvalidImageName", "InvalidImageName", message, now.Add(resync))
		return false
	}
	if c.pulling {
		return p.pulled(c, now)
	}
	if c.spec.ImagePullPolicy != corev1.PullAlways && pullError(image) == "" &&
		(c.spec.ImagePullPolicy == corev1.PullNever || p.images.has(p.object.Spec.NodeName, image)) {
		p.note(c, "Pulled", fmt.Sprintf("Container image %q already present on machine and can be accessed by the pod", image))
		return true
	}
	if c.spec.ImagePullPolicy == corev1.PullNever {
		message := fmt.Sprintf("Container image %q is not present with pull policy of Never", image)
		p.warn(c, "ErrImageNeverPull", message)
		p.fail(c, "ErrImageNeverPull", "ErrImageNeverPull", message, now.Add(resync))
		return false
	}
	if end, held := c.pulls.until(c.pulls.since, now); held {
		message := fmt.Sprintf("Back-off pulling image %q", image)
		p.note(c, "BackOff", message)
		p.fail(c, "ImagePullBackOff", "ImagePullBackOff", message+": ErrImagePull: "+pullError(image), earlier(end, now.Add(resync)))
		return false
	}
	p.note(c, "Pulling", fmt.Sprintf("Pulling image %q", image))
	c.pulling = true
	c.due = now.Add(c.pullTime())
	return false
}

// pulled ends a pull.
func (p *Pod) pulled(c *container, now time.Time) bool {
	c.pulling = false
	image := c.spec.Image
	if message := pullError(image); message != "" {
		p.warn(c, "Failed", fmt.Sprintf("Failed to pull image %q: %s", image, message))
		c.pulls.fail(now)
		p.fail(c, "ErrImagePull", "ErrImagePull", message, now.Add(1500*time.Millisecond))
		return false
	}
	p.images.add(p.object.Spec.NodeName, image)
	took := c.pullTime()
	p.note(c, "Pulled", fmt.Sprintf("Successfully pulled image %q in %v (%v including waiting). Image size: %d bytes.",
		image, took, took, 20_000_000+len(image)*100_003))
	return true
}

func (c *container) pullTime() time.Duration {
	if c.behavior.PullTime > 0 {
		return c.behavior.PullTime
	}
	return defaultPullTime
}
