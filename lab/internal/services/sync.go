package services

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
)

// settle is how long changes are collected before the rules are written.
const settle = 20 * time.Millisecond

// base hooks the two chains in, once. What still goes to a cluster IP after NAT has no ready
// endpoint: it is refused, as kube-proxy does it.
func base(serviceCIDR string) string {
	return fmt.Sprintf(`*nat
:LAB-SERVICES - [0:0]
:LAB-HAIRPIN - [0:0]
-A PREROUTING -d %[1]s -j LAB-SERVICES
-A OUTPUT -d %[1]s -j LAB-SERVICES
-A POSTROUTING -j LAB-HAIRPIN
COMMIT
*filter
-A FORWARD -d %[1]s -j REJECT
-A OUTPUT -d %[1]s -j REJECT
COMMIT
`, serviceCIDR)
}

// Sync keeps the rules of this network namespace in step with the services until ctx ends. It
// returns when the first rules stand; the factory must have been started by the time the
// informers are waited for, which Sync does itself.
func Sync(ctx context.Context, factory informers.SharedInformerFactory, serviceCIDR string, log *slog.Logger) error {
	services, endpointSlices := factory.Core().V1().Services(), factory.Discovery().V1().EndpointSlices()
	wake := make(chan struct{}, 1)
	changed := func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { changed() }, UpdateFunc: func(_, _ any) { changed() }, DeleteFunc: func(any) { changed() },
	}
	_, err1 := services.Informer().AddEventHandler(handler)
	_, err2 := endpointSlices.Informer().AddEventHandler(handler)
	if err := errors.Join(err1, err2, restore(ctx, base(serviceCIDR))); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	write := func() error {
		s, err1 := services.Lister().List(labels.Everything())
		e, err2 := endpointSlices.Lister().List(labels.Everything())
		return errors.Join(err1, err2, restore(ctx, Rules(s, e)))
	}
	go keep(ctx, wake, write, log)
	return write()
}

func keep(ctx context.Context, wake <-chan struct{}, write func() error, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-wake:
		}
		timer := time.NewTimer(settle)
		<-timer.C
		if err := write(); err != nil && ctx.Err() == nil {
			log.Error("write service rules", "error", err)
		}
	}
}

func restore(ctx context.Context, rules string) error {
	cmd := exec.CommandContext(ctx, "iptables-restore", "--noflush", "--wait")
	cmd.Stdin = strings.NewReader(rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("iptables-restore: %w: %s", err, out)
	}
	return nil
}
