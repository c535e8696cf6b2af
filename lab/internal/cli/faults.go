package cli

func faults() []Command { return nil }
