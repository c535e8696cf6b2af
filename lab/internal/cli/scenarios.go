package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/heal"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/scenario"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/score"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/truth"
)

const product = "kubectl-mtls_doctor"

func scenarios() []Command {
	return []Command{
		{"scenarios", "", "what there is in lab/scenarios", runScenarios},
		{"scenario", "NAME", "make the mesh what a scenario wants, and leave it so: to look around in", runScenario},
		{"truth", "[-out FOLDER] NAME…|--all", "apply scenarios, drive traffic, record what happened and a bundle", runTruth},
		{"score", "[-out FOLDER] [-heal] [-share I/N] NAME…|--all", "the same, and compare with what the product says; with -heal, apply the fix as well", runScore},
	}
}

func runScenarios(_ context.Context, e Env, _ []string) error {
	list, err := scenario.Find(e.scenarios())
	if err != nil {
		return err
	}
	for _, s := range list {
		fmt.Fprintf(e.Out, "%s\n    %s\n", s.Name, s.Description)
	}
	return nil
}

func (e Env) scenarios() string { return filepath.Join(e.Source, "scenarios") }

// runScenario applies a scenario, all steps of one that has some, and leaves the mesh to the user.
func runScenario(ctx context.Context, e Env, args []string) error {
	if len(args) != 1 {
		return errors.New("name one scenario; `lab scenarios` lists them")
	}
	list, err := scenario.Find(e.scenarios(), args...)
	if err != nil {
		return err
	}
	runner, err := e.runner(ctx)
	if err != nil {
		return err
	}
	for _, s := range list {
		if err := runner.Apply(ctx, s); err != nil {
			return err
		}
		fmt.Fprintf(e.Out, "%s: %s\n%s\n", s.Name, strings.TrimSpace(s.Description), strings.TrimSpace(s.Why))
	}
	return nil
}

// course is a run over some scenarios.
type course struct {
	scenarios []scenario.Scenario
	runner    *truth.Runner
	product   score.Product
	out       string
}

func openCourse(ctx context.Context, e Env, args []string, out string, more ...func(*flag.FlagSet)) (course, error) {
	flags := flag.NewFlagSet("scenarios", flag.ContinueOnError)
	flags.SetOutput(e.Err)
	all := flags.Bool("all", false, "all scenarios")
	program := flags.String("product", "", "the product's program; built when not given")
	folder := flags.String("scenarios", e.scenarios(), "folder of the scenarios")
	flags.StringVar(&out, "out", out, "folder for the recordings")
	share := flags.String("share", "1/1", "which share of the scenarios, by turns, for labs that share them: 1/2, 2/2")
	for _, add := range more {
		add(flags)
	}
	if err := flags.Parse(args); err != nil {
		return course{}, err
	}
	if *all == (flags.NArg() > 0) {
		return course{}, errors.New("name scenarios, or say --all; `lab scenarios` lists them")
	}
	list, err := scenario.Find(*folder, flags.Args()...)
	if err != nil {
		return course{}, err
	}
	if list, err = scenario.Share(list, *share); err != nil {
		return course{}, err
	}
	c, err := e.course(ctx, *program)
	c.scenarios, c.out = list, out
	return c, err
}

// runner builds what scenarios need.
func (e Env) runner(ctx context.Context) (*truth.Runner, error) {
	if err := goBuild(ctx, e, e.Source, "probe", "./cmd/probe"); err != nil {
		return nil, err
	}
	common, err := scenario.Workloads(e.scenarios())
	if err != nil {
		return nil, err
	}
	m, err := OpenMesh(e)
	if err != nil {
		return nil, err
	}
	return &truth.Runner{Mesh: m, Dir: e.Dir, Common: common, Log: e.Err}, nil
}

// course builds what a course needs, and proves that the probes of the run can tell.
func (e Env) course(ctx context.Context, program string) (course, error) {
	if program == "" {
		program = e.Dir.Bin(product)
		if err := goBuild(ctx, e, filepath.Dir(e.Source), product, "./cmd/kubectl-mtls-doctor"); err != nil {
			return course{}, err
		}
	}
	runner, err := e.runner(ctx)
	if err != nil {
		return course{}, err
	}
	c := course{product: score.Product{Program: program, Kubeconfig: e.Dir.ReaderKubeconfig()}, runner: runner}
	return c, c.calibrate(ctx, e)
}

// goBuild builds what a course needs besides the lab: the probe and the product. Another lab may run the program, and
// build it, at the same time: it is there whole or not at all.
func goBuild(ctx context.Context, e Env, dir, name, pkg string) error {
	made := e.Dir.Bin(fmt.Sprintf(".%s.%d", name, os.Getpid()))
	defer os.Remove(made) //nolint:errcheck // it has its name by then, or is of no use
	cmd := exec.CommandContext(ctx, "go", "build", "-C", dir, "-buildvcs=false", "-o", made, pkg)
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	cmd.Stdout, cmd.Stderr = e.Err, e.Err
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build %s: %w", name, err)
	}
	return os.Rename(made, e.Dir.Bin(name))
}

func (c course) calibrate(ctx context.Context, e Env) error {
	s, err := scenario.Load(filepath.Join(e.scenarios(), truth.Calibration))
	if err != nil {
		return err
	}
	start := time.Now()
	if err := c.runner.Calibrate(ctx, s); err != nil {
		return err
	}
	fmt.Fprintf(e.Err, "lab: the probes report what is known: mutual TLS, plaintext, refused (%.1fs)\n", time.Since(start).Seconds())
	return nil
}

// each runs f for every scenario while the mesh is as it wants, or with the reason why it is not.
func (c course) each(ctx context.Context, f func(ctx context.Context, s scenario.Scenario, t truth.Truth, bundle string, failed error) error) error {
	dir, err := os.MkdirTemp("", "lab-course-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, s := range c.scenarios {
		t, end, err := c.runner.Run(ctx, s)
		bundle := filepath.Join(dir, s.FileName())
		if err := errors.Join(f(ctx, s, t, bundle, err), end(ctx), os.RemoveAll(bundle)); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

func runTruth(ctx context.Context, e Env, args []string) error {
	c, err := openCourse(ctx, e, args, "captures")
	if err != nil {
		return err
	}
	return c.each(ctx, func(ctx context.Context, s scenario.Scenario, t truth.Truth, bundle string, failed error) error {
		if failed != nil {
			return failed
		}
		if len(t.Instrument.Doubts) > 0 {
			return fmt.Errorf("scenario %s: the instrument is in doubt: %s", s.Name, strings.Join(t.Instrument.Doubts, "; "))
		}
		if err := c.product.Capture(ctx, bundle); err != nil {
			return err
		}
		fmt.Fprintf(e.Out, "%s: %d pairs\n", s.Name, len(t.Pairs))
		return truth.Record(c.out, s, t, bundle)
	})
}

func runScore(ctx context.Context, e Env, args []string) error {
	known, err := score.LoadKnown(filepath.Join(e.Source, "known.yaml"))
	if err != nil {
		return err
	}
	x := exam{env: e, known: known}
	x.course, err = openCourse(ctx, e, args, "", func(f *flag.FlagSet) { f.BoolVar(&x.heals, "heal", false, "apply the fixes, too") })
	if err != nil {
		return err
	}
	x.began = time.Now()
	err = errors.Join(x.each(ctx, x.take), table(e, x.scores))
	if !x.heals || ctx.Err() != nil {
		return err
	}
	x.scenarios = x.later
	more, failed := x.healAll(ctx, e)
	return errors.Join(err, failed, healed(e, append(x.healings, more...)))
}

// exam scores scenarios, and heals them if it is to.
type exam struct {
	course
	env   Env
	known []score.Known
	heals bool

	began    time.Time // the scenario
	scores   []score.Score
	healings []heal.Healing
	later    []scenario.Scenario // to heal at the end: a fix would change what their next step begins with
}

// take scores one scenario. The mesh is then as its fix made it, where that was applied.
func (x *exam) take(ctx context.Context, s scenario.Scenario, t truth.Truth, bundle string, failed error) error {
	defer func() { x.began = time.Now() }()
	got, err := x.live(ctx, s, t, bundle, failed)
	if err != nil {
		return err
	}
	got.Wrong, got.Known = score.Excuse(s.Name, got.Wrong, x.known)
	got.Time = time.Since(x.began)
	x.scores = append(x.scores, got)
	fmt.Fprintf(x.env.Err, "%-45s %4d agree %3d wrong %3d known %5.1fs\n", s.Name, got.Pairs.Agree, len(got.Wrong), got.Known, got.Time.Seconds())
	for _, w := range got.Wrong {
		fmt.Fprintln(x.env.Err, "   ", w)
	}
	if x.out != "" && failed == nil {
		err = truth.Record(x.out, s, t, bundle)
	}
	switch {
	case err != nil || !x.heals || s.Expect.Cause == nil:
	case s.Continued:
		x.later = append(x.later, s)
	default:
		x.healings = append(x.healings, x.heal(ctx, x.env, s, t, got.Report, failed))
	}
	return err
}

// live scores a scenario; one that could not be set up is wrong, and the next one may be right.
func (c course) live(ctx context.Context, s scenario.Scenario, t truth.Truth, bundle string, failed error) (score.Score, error) {
	if failed != nil {
		return score.Score{Scenario: s.Name, Wrong: []string{failed.Error()}}, nil
	}
	c.runner.Age(ctx)
	return c.product.Live(ctx, s, t, bundle)
}

// table prints the scores; it is an error when something is wrong.
func table(e Env, scores []score.Score) error {
	w := tabwriter.NewWriter(e.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SCENARIO\tPAIRS\tAGREE\tWRONG\tUNKNOWN\tMISSING\tOTHER\tKNOWN\tSECONDS")
	wrong := 0
	for _, s := range scores {
		p := s.Pairs
		verdicts := len(p.Wrong) + len(p.Unknown) + len(p.Missing)
		wrong += len(s.Wrong)
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%.1f\n", s.Scenario, p.Agree+verdicts, p.Agree, len(p.Wrong), len(p.Unknown), len(p.Missing),
			max(0, len(s.Wrong)+s.Known-verdicts), s.Known, s.Time.Seconds())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if wrong > 0 {
		return fmt.Errorf("%d wrong", wrong)
	}
	return nil
}
