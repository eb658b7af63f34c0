package docexamples

import (
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// home is where the repository is browsed; links of generated pages to files that are
// no pages go there, because the registry shows the pages alone.
const home = "https://github.com/crosscloudlink/terraform-provider-crosscloudlink/"

var (
	codeBlock = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	codeSpan  = regexp.MustCompile("`[^`\n]*`")
	link      = regexp.MustCompile(`\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)|<(?:a|img|source)[^>]+(?:href|src|srcset)="([^"]+)"`)
	heading   = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *#*$`)
	anchor    = regexp.MustCompile(`<a (?:id|name)="([^"]+)">`)
)

// markdown lists the Markdown files that people read; templates are read as generated pages.
func markdown(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(repository, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err = filepath.Rel(repository, name)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		switch {
		case entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && name != "." && name != ".github" || name == "templates" || name == "dist"):
			return fs.SkipDir
		case !entry.IsDir() && path.Ext(name) == ".md":
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestLinksResolve(t *testing.T) {
	for _, file := range markdown(t) {
		t.Run(file, func(t *testing.T) {
			for _, found := range link.FindAllStringSubmatch(prose(read(t, file)), -1) {
				target := found[1] + found[2]
				if problem := broken(t, file, target); problem != "" {
					t.Errorf("link to %s: %s", target, problem)
				}
			}
		})
	}
}

// prose is Markdown without its code.
func prose(text string) string {
	return codeSpan.ReplaceAllString(codeBlock.ReplaceAllString(text, ""), "")
}

// broken says what is wrong with a link of a file, or "". Other hosts are not asked.
func broken(t *testing.T, file, target string) string {
	t.Helper()
	name, fragment, _ := strings.Cut(target, "#")
	rest, ours := strings.CutPrefix(name, home)
	switch {
	case ours:
		// blob/BRANCH/PATH or tree/BRANCH/PATH
		parts := strings.SplitN(rest, "/", 3)
		if len(parts) < 3 || parts[0] != "blob" && parts[0] != "tree" {
			return ""
		}
		name = parts[2]
	case strings.Contains(name, ":"):
		return ""
	case name == "":
		name = file
	default:
		name = path.Join(path.Dir(file), name)
		if inDocs(file) && !inDocs(name) {
			return "a generated page is shown where the repository is not; link to " + home + "blob/main/…"
		}
	}
	name, err := url.PathUnescape(name)
	if err != nil {
		return err.Error()
	}
	info, err := os.Stat(filepath.Join(repository, name))
	if err != nil {
		return "there is no such file"
	}
	if fragment != "" && !info.IsDir() && path.Ext(name) == ".md" && !anchors(read(t, name))[fragment] {
		return name + " has no such heading"
	}
	return ""
}

func inDocs(name string) bool { return strings.HasPrefix(name, "docs/") }

// anchors are the fragments under which a page's headings are found.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, found := range anchor.FindAllStringSubmatch(text, -1) {
		all[found[1]] = true
	}
	for _, found := range heading.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
		all[slug(found[1])] = true
	}
	return all
}

// slug is what GitHub makes of a heading.
func slug(heading string) string {
	var out strings.Builder
	for _, r := range strings.ToLower(heading) {
		switch {
		case unicode.IsLetter(r), unicode.IsNumber(r), r == '-', r == '_':
			out.WriteRune(r)
		case r == ' ':
			out.WriteByte('-')
		}
	}
	return out.String()
}
