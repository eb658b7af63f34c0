// Package sandbox is three clouds on this machine's loopback network: AWS, Azure and
// Databricks as far as the product needs them, with a data path between them that queries
// really travel. Nothing in it reaches, or needs, a real cloud.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/plugins"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/autoscaling"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awscloud"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/databricks"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/dns"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/functions"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/moto"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/proxyfleet"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/tools"
)

// Fixed facts of the sandbox's AWS.
const (
	Region    = awscloud.DefaultRegion
	AccountID = awscloud.DefaultAccountID
)

// scheduleMinute is how long a minute of EventBridge's schedules, and of the pauses between
// Lambda's tries, takes in the sandbox: nobody who tries something waits for real ones.
const scheduleMinute = 10 * time.Second

// Options say what to start.
type Options struct {
	// BuildDir is the folder for all that the sandbox writes and for tools that it brings
	// itself; it is created.
	BuildDir string
	// Seed says what exists before the first apply.
	Seed Seed
	// ProviderBinary is our provider as it was built; with it, Env has a CLI configuration
	// that lets terraform find it. Empty means that whoever runs terraform sees to that.
	ProviderBinary string
	// NoProxies runs no HAProxy even where there is one: instances count as healthy then,
	// their own commands find a stand-in where a proxy would listen, and no query arrives.
	NoProxies bool
	// Debug writes every emulated call into the log.
	Debug bool
}

// Sandbox is a running set of clouds. Its methods are safe for concurrent use.
type Sandbox struct {
	// World names what existed before the first apply.
	World World

	dir          string
	env          []string
	log          *os.File
	haproxy      *tools.HAProxyBinary
	proxyProblem error // why there is no proxy; nil when there is

	moto       *moto.Server
	functions  *functions.Service
	groups     *autoscaling.Service
	aws        *awscloud.Cloud
	compute    *ec2.Client
	azure      *azure.Cloud
	databricks *databricks.Cloud
	fleet      *proxyfleet.Fleet
	twins      *proxyfleet.Twins
	names      *dns.Server
	account    *AWS

	closing  sync.Once
	closeErr error
}

// Start starts the clouds and returns when they answer. ctx bounds the start only; Close
// stops them. A machine without HAProxy gets a sandbox without a data path (Proxy); one
// without moto gets an error that is tools.ErrUnavailable.
func Start(ctx context.Context, opts Options) (_ *Sandbox, err error) {
	s := &Sandbox{twins: proxyfleet.NewTwins()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.dir, err = newRunDir(opts.BuildDir); err != nil {
		return nil, err
	}
	if s.log, err = os.Create(filepath.Join(s.dir, "sandbox.log")); err != nil {
		return nil, fmt.Errorf("opening the sandbox's log: %w", err)
	}
	level := slog.LevelInfo
	if opts.Debug {
		level = slog.LevelDebug
	}
	logger := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: level}))

	if err := s.findProxy(ctx, opts); err != nil {
		return nil, err
	}
	if err := s.startAzure(ctx, logger); err != nil {
		return nil, err
	}
	if err := s.startFleet(opts.BuildDir, logger); err != nil {
		return nil, err
	}
	if err := s.startAWS(ctx, opts.BuildDir, logger); err != nil {
		return nil, err
	}
	if err := s.startDatabricks(ctx, logger); err != nil {
		return nil, err
	}
	if s.World, err = seedWorld(opts.Seed, s.azure, s.databricks); err != nil {
		return nil, fmt.Errorf("seeding the clouds: %w", err)
	}
	trust, err := writeTrust(s.dir, s.azure.CAFile())
	if err != nil {
		return nil, err
	}
	cliConfig := ""
	if opts.ProviderBinary != "" {
		cliConfig, err = plugins.Write(ctx, plugins.Options{BuildDir: s.dir, ProviderBinary: opts.ProviderBinary})
		if err != nil {
			return nil, err
		}
	}
	return s, s.setEnv(opts.Seed, trust, cliConfig)
}

func (s *Sandbox) findProxy(ctx context.Context, opts Options) error {
	if opts.NoProxies {
		s.proxyProblem = errors.New("the sandbox was started without proxies")
		return nil
	}
	found, err := tools.HAProxy(ctx, opts.BuildDir)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, tools.ErrUnavailable) {
		s.proxyProblem = err
		return nil
	}
	s.haproxy = found
	return err
}

func (s *Sandbox) startAzure(ctx context.Context, logger *slog.Logger) error {
	cloud, err := azure.New(ctx, azure.Options{Dir: s.dir, PublicIP: s.publicIP, Logger: logger.With("cloud", "azure")})
	if err != nil {
		return fmt.Errorf("starting Azure: %w", err)
	}
	s.azure = cloud
	return nil
}

func (s *Sandbox) startFleet(buildDir string, logger *slog.Logger) error {
	data, err := netip.ParseAddrPort(s.azure.DataPlaneAddr())
	if err != nil {
		return fmt.Errorf("finding Azure's data plane: %w", err)
	}
	if s.names, err = dns.Start(s.resolve); err != nil {
		return err
	}
	s.fleet = proxyfleet.New(proxyfleet.Options{
		HAProxy: s.haproxy, Dir: filepath.Join(s.dir, "instances"), Twins: s.twins,
		Nameserver: s.names.Addr(), HTTPSPort: int(data.Port()), Region: Region,
		Nginx:       func() (*tools.NginxBinary, error) { return tools.Nginx(context.Background(), buildDir) },
		Credentials: s.instanceCredentials,
		AWSEndpoint: func() string { return s.aws.URL },
		Logger:      logger.With("cloud", "fleet"),
	})
	return nil
}

func (s *Sandbox) startAWS(ctx context.Context, buildDir string, logger *slog.Logger) error {
	command, err := tools.Moto(ctx, buildDir)
	if err != nil {
		return err
	}
	s.moto, err = moto.Start(ctx, moto.Options{Command: command, LogFile: filepath.Join(s.dir, "moto.log")})
	if err != nil {
		return err
	}
	// Functions call the gateway, and the gateway asks them: each sees the other through s.
	s.functions, err = functions.New(functions.Deps{
		MotoURL: s.moto.URL, GatewayURL: func() string { return s.aws.URL }, Region: Region, AccountID: AccountID,
		Dir: filepath.Join(s.dir, "functions"), ResourceTags: s.resourceTags, Association: s.association,
		GroupARN:        func(name string) (string, bool) { return s.groups.GroupARN(name) },
		GroupOfInstance: func(id string) (string, bool) { return s.groups.GroupOfInstance(id) },
		Minute:          scheduleMinute,
		Logger:          logger.With("cloud", "functions"),
	})
	if err != nil {
		return fmt.Errorf("starting Lambda: %w", err)
	}
	s.groups = autoscaling.New(autoscaling.Deps{
		MotoURL: s.moto.URL, Region: Region, AccountID: AccountID,
		Events: func(detailType string, detail any, resources []string) {
			s.functions.PutEvent("aws.autoscaling", detailType, detail, resources...)
		},
		Launched: s.launched, Stopped: s.stopped, Terminated: s.terminated,
		TargetHealthy: func(id, group string) bool { return s.aws.TargetHealthy(id, group) },
		Logger:        logger.With("cloud", "autoscaling"),
	})
	options := awscloud.Options{
		MotoURL: s.moto.URL, Region: Region, AccountID: AccountID, Authorize: s.authorize,
		Handlers: []awsapi.Handler{s.functions, s.groups}, Logger: logger.With("cloud", "aws"),
		Hypervisor: hypervisor{s.fleet},
	}
	if s.aws, err = awscloud.New(ctx, options); err != nil {
		return fmt.Errorf("starting AWS: %w", err)
	}
	if s.account, err = newAWS(ctx, s.aws.URL); err != nil {
		return fmt.Errorf("starting AWS: %w", err)
	}
	s.compute = ec2.NewFromConfig(s.account.Config)
	return nil
}

func (s *Sandbox) startDatabricks(ctx context.Context, logger *slog.Logger) error {
	cloud, err := databricks.New(ctx, databricks.Options{
		AWS: s.aws, Dial: s.dial, RootCAs: s.azure.CAPool(), Region: Region, Logger: logger.With("cloud", "databricks"),
	})
	if err != nil {
		return fmt.Errorf("starting Databricks: %w", err)
	}
	s.databricks = cloud
	return nil
}

// Dir is the folder of this run: logs, and what the instances and functions write.
func (s *Sandbox) Dir() string { return s.dir }

// AWS is the account, to be looked at.
func (s *Sandbox) AWS() *AWS { return s.account }

// AWSCloud is the emulated AWS itself.
func (s *Sandbox) AWSCloud() *awscloud.Cloud { return s.aws }

// Azure is the emulated Azure.
func (s *Sandbox) Azure() *azure.Cloud { return s.azure }

// Databricks is the emulated Databricks.
func (s *Sandbox) Databricks() *databricks.Cloud { return s.databricks }

// Proxy says what carries the data path: "haproxy VERSION", or "none".
func (s *Sandbox) Proxy() string {
	if s.haproxy == nil {
		return "none"
	}
	return "haproxy " + s.haproxy.Version
}

// ProxyProblem says why Proxy is "none", and what to do about it; nil when it is not.
func (s *Sandbox) ProxyProblem() error { return s.proxyProblem }

// InstanceProblem says why an instance has no running proxy, or else what its own commands
// failed of; nil when all is well.
func (s *Sandbox) InstanceProblem(instanceID string) error {
	if s.haproxy == nil {
		return s.proxyProblem
	}
	return s.fleet.Problem(instanceID)
}

// Close stops all clouds and returns when no process of theirs is left. Its error names
// what could not be stopped. It may be called more than once.
func (s *Sandbox) Close() error {
	s.closing.Do(func() { s.closeErr = s.stop() })
	return s.closeErr
}

// stop stops what asks before what is asked.
func (s *Sandbox) stop() error {
	var failed error
	if s.databricks != nil {
		failed = errors.Join(failed, s.databricks.Close())
	}
	if s.functions != nil {
		s.functions.Close()
	}
	if s.groups != nil {
		s.groups.Close()
	}
	if s.aws != nil {
		s.aws.Close()
	}
	if s.fleet != nil {
		s.fleet.Close()
		if n := s.fleet.Running(); n != 0 {
			failed = errors.Join(failed, fmt.Errorf("%d proxies still run", n))
		}
	}
	if s.names != nil {
		failed = errors.Join(failed, s.names.Close())
	}
	if s.azure != nil {
		failed = errors.Join(failed, s.azure.Close())
	}
	if s.moto != nil {
		s.moto.Close()
	}
	if s.log != nil {
		failed = errors.Join(failed, s.log.Close())
	}
	if failed != nil {
		return fmt.Errorf("stopping the sandbox: %w", failed)
	}
	return nil
}
