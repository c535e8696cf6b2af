//go:build !race

package envoy

import (
	"slices"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
)

// types resolves the messages of Any: those that are linked in, and an empty one for all others,
// which are then read without their content.
type types struct{ unknown protoreflect.MessageType }

// allTypes is made once: every Any needs it.
var allTypes = sync.OnceValues(func() (types, error) {
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name:        proto.String("unknown.proto"),
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Unknown")}},
	}, nil)
	if err != nil {
		return types{}, err
	}
	return types{dynamicpb.NewMessageType(file.Messages().Get(0))}, nil
})

func newTypes(t testing.TB) types {
	t.Helper()
	all, err := allTypes()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (t types) FindMessageByName(name protoreflect.FullName) (protoreflect.MessageType, error) {
	if known, err := protoregistry.GlobalTypes.FindMessageByName(name); err == nil {
		return known, nil
	}
	return t.unknown, nil
}

func (t types) FindMessageByURL(url string) (protoreflect.MessageType, error) {
	if known, err := protoregistry.GlobalTypes.FindMessageByURL(url); err == nil {
		return known, nil
	}
	return t.unknown, nil
}

func (t types) FindExtensionByName(name protoreflect.FullName) (protoreflect.ExtensionType, error) {
	return protoregistry.GlobalTypes.FindExtensionByName(name)
}

func (t types) FindExtensionByNumber(message protoreflect.FullName, field protoreflect.FieldNumber) (protoreflect.ExtensionType, error) {
	return protoregistry.GlobalTypes.FindExtensionByNumber(message, field)
}

// unpack gives the message in an Any.
func unpack(t testing.TB, a *anypb.Any) proto.Message {
	t.Helper()
	if a == nil {
		return nil
	}
	msg, err := anypb.UnmarshalNew(a, proto.UnmarshalOptions{Resolver: newTypes(t), DiscardUnknown: true})
	if err != nil {
		t.Fatalf("%s: %v", a.GetTypeUrl(), err)
	}
	return msg
}

// anyName is the full name of the message in an Any.
func anyName(a *anypb.Any) string { return string(a.MessageName()) }

// leftOver names the set fields of a message that are neither modelled nor known to be harmless.
func (m *protoModel) leftOver(msg proto.Message, name string, modelled ...protoreflect.Name) []string {
	var paths []string
	msg.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		path := name + "." + string(f.Name())
		if !slices.Contains(modelled, f.Name()) && harmless[path] == "" {
			paths = append(paths, path)
			m.named[path] = true
		}
		return true
	})
	slices.Sort(paths)
	return paths
}
