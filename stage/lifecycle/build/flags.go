package build

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"wadi/stage/lifecycle/launch"
)

// options are the flags, with all paths absolute.
type options struct {
	buildDir            string
	outputDroplet       string
	outputMetadata      string
	outputCache         string
	buildpacksDir       string
	buildpacksDownloads string
	cacheDir            string
	buildpackOrder      string
	order               []string // of it
	skipDetect          bool
	compression         compression
	subcommand          []string // of this program that is the lifecycle
}

// errUsage is a command line that was refused; the reason has been printed.
var errUsage = errors.New("usage")

// parse reads the command line. Go's flags take one dash or two, so the
// reference's own spelling (-buildDir=…) is understood beside ours.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("lifecycle build", flag.ContinueOnError)
	flags.SetOutput(stderr)
	required := o.paths(flags)
	o.others(flags)
	flags.Usage = func() { printUsage(flags) }
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return o, err
		}
		return o, errUsage
	}
	if ignored := flags.Args(); len(ignored) > 0 {
		if slices.ContainsFunc(ignored, func(arg string) bool { return strings.HasPrefix(arg, "-") }) {
			fmt.Fprintf(stderr, "unexpected argument %q before a flag: values of flags are written --flag=value\n", ignored[0])
			return o, errUsage
		}
		fmt.Fprintf(stderr, "WARNING: ignored what follows the flags: %s\n", strings.Join(ignored, " "))
	}
	if err := o.complete(required); err != nil {
		return o, err
	}
	return o, nil
}

// path is a flag that names a file or folder and must not be empty.
type path struct {
	name  string // the reference's
	value *string
}

func (o *options) paths(flags *flag.FlagSet) []path {
	var required []path
	for _, p := range []struct {
		name, value, usage string
		to                 *string
	}{
		{"buildArtifactsCacheDir", "/tmp/cache", "the `folder` with what buildpacks kept at the last build", &o.cacheDir},
		{"buildDir", "/tmp/app", "the `folder` with the app, which buildpacks change", &o.buildDir},
		{"buildpackOrder", "", "the `keys` of the buildpacks, separated by commas", &o.buildpackOrder},
		{"buildpacksDir", "/tmp/buildpacks", "the `folder` with the buildpacks, each in one named by the xxhash64 of its key; one that is not there and has the name of a built-in is that", &o.buildpacksDir},
		{"buildpacksDownloadDir", "/tmp/buildpackdownloads", "the `folder` for buildpacks whose key is a URL; one that is there already is not downloaded", &o.buildpacksDownloads},
		{"outputBuildArtifactsCache", "/tmp/output-cache", "the `file` to write what buildpacks keep for the next build to", &o.outputCache},
		{"outputDroplet", "/tmp/droplet", "the `file` to write the droplet to", &o.outputDroplet},
		{"outputMetadata", "/tmp/result.json", "the `file` to write the result to", &o.outputMetadata},
	} {
		for _, name := range launch.Spellings(p.name) {
			flags.StringVar(p.to, name, p.value, p.usage)
		}
		required = append(required, path{p.name, p.to})
	}
	return required
}

func (o *options) others(flags *flag.FlagSet) {
	for _, name := range launch.Spellings("skipDetect") {
		flags.BoolVar(&o.skipDetect, name, false, "run all buildpacks of the order, the last as the final one, in place of the first that detects the app")
	}
	for _, name := range launch.Spellings("skipCertVerify") {
		flags.Bool(name, false, "accepted and without effect: certificates are verified; SSL_CERT_FILE names more to trust")
	}
	launch.CredHubFlags(flags)
	flags.Func("compression", "of droplet and cache: gzip, zstd or none; else what the file's suffix says, and gzip where it says nothing", o.compression.set)
}

func (o *options) complete(required []path) error {
	var missing []string
	for _, p := range required {
		if *p.value == "" {
			missing = append(missing, "missing flag: --"+launch.Kebab(p.name))
			continue
		}
		if p.value == &o.buildpackOrder {
			continue
		}
		absolute, err := filepath.Abs(*p.value)
		if err != nil {
			return err
		}
		*p.value = absolute
	}
	if len(missing) > 0 {
		return errors.New(strings.Join(missing, ", "))
	}
	o.order = strings.Split(o.buildpackOrder, ",")
	return nil
}

func printUsage(flags *flag.FlagSet) {
	w := flags.Output()
	fmt.Fprint(w, `usage: lifecycle build --buildpack-order KEY,… [FLAG…]

Runs buildpacks on the folder of an app, as the calling user, and writes the
droplet, what buildpacks keep for the next build, and the result as JSON.

`)
	flags.VisitAll(func(f *flag.Flag) {
		if launch.Kebab(f.Name) != f.Name {
			return
		}
		value, usage := flag.UnquoteUsage(f)
		fmt.Fprintf(w, "  --%s %s\n        %s", f.Name, value, usage)
		if f.DefValue != "" && f.DefValue != "false" {
			fmt.Fprintf(w, " (default %s)", f.DefValue)
		}
		fmt.Fprintln(w)
	})
	fmt.Fprint(w, `
EXIT STATUS
  0    done
  222  no buildpack detected the app
  223  the final buildpack failed
  224  its bin/release failed
  225  another buildpack failed, or one is none
  1    anything else; 2 for a flag that there is not; 3 for VCAP_PLATFORM_OPTIONS
       that is no JSON, 4 for one that asks for CredHub; 143 interrupted
`)
}
