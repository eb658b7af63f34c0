package awscloud

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// maxTags is EC2's limit of user tags on one resource.
const maxTags = 50

// formTags reads PREFIX.N.Key and PREFIX.N.Value.
func formTags(r *awsapi.Request, prefix string) (map[string]string, *awsapi.Error) {
	tags := map[string]string{}
	for i := 1; ; i++ {
		key := r.Form.Get(fmt.Sprintf("%s.%d.Key", prefix, i))
		if key == "" {
			return tags, nil
		}
		if strings.HasPrefix(strings.ToLower(key), "aws:") {
			return nil, awsapi.Errorf(http.StatusBadRequest, "InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
		}
		if _, twice := tags[key]; twice {
			return nil, awsapi.Errorf(http.StatusBadRequest, "InvalidParameterValue", "Duplicate tag key '%s' specified.", key)
		}
		tags[key] = r.Form.Get(fmt.Sprintf("%s.%d.Value", prefix, i))
	}
}

// specifiedTags reads TagSpecification.N of a create call that makes one type of resource.
func specifiedTags(r *awsapi.Request, resourceType string) (map[string]string, *awsapi.Error) {
	tags := map[string]string{}
	for i := 1; ; i++ {
		prefix := fmt.Sprintf("TagSpecification.%d", i)
		given := r.Form.Get(prefix + ".ResourceType")
		if given == "" {
			return tags, nil
		}
		if given != resourceType {
			return nil, awsapi.Errorf(http.StatusBadRequest, "InvalidParameterValue", "'%s' is not a valid taggable resource type for this operation.", given)
		}
		more, err := formTags(r, prefix+".Tag")
		if err != nil {
			return nil, err
		}
		maps.Copy(tags, more)
	}
}

func tagSet(tags map[string]string) *node {
	return set("tagSet", slices.Sorted(maps.Keys(tags)), func(key string) []*node {
		return []*node{txt("key", key), {name: "value", text: tags[key]}}
	})
}

// taggable is a kind of resource that the gateway keeps itself.
type taggable interface {
	// owns reports whether an id is of this kind, whether or not it exists.
	owns(id string) bool
	// retag changes the tags of existing resources, or, if any of ids does not exist, none.
	retag(ids []string, change func(tags map[string]string)) *awsapi.Error
	// tagged returns the resource type as DescribeTags names it and the tags by id.
	tagged() (resourceType string, byID map[string]map[string]string)
}

// tagService answers CreateTags, DeleteTags and DescribeTags for the gateway's own
// resources, and lets moto answer for its own.
type tagService struct {
	kinds []taggable
	moto  *motoProxy
}

// Serve answers the tag calls that concern the gateway's own resources.
func (s *tagService) Serve(w http.ResponseWriter, r *awsapi.Request) bool {
	if r.Service != "ec2" {
		return false
	}
	switch r.Action {
	case "CreateTags", "DeleteTags":
		return s.change(w, r)
	case "DescribeTags":
		s.describe(w, r)
		return true
	}
	return false
}

func (s *tagService) change(w http.ResponseWriter, r *awsapi.Request) bool {
	ids := r.List("ResourceId")
	foreign := slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		return slices.ContainsFunc(s.kinds, func(k taggable) bool { return k.owns(id) })
	})
	if len(foreign) == len(ids) {
		return false
	}
	change, err := tagChange(r)
	if err != nil {
		awsapi.WriteError(w, r, err)
		return true
	}
	for _, kind := range s.kinds {
		own := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !kind.owns(id) })
		if err := kind.retag(own, change); err != nil {
			awsapi.WriteError(w, r, err)
			return true
		}
	}
	if len(foreign) > 0 {
		s.moto.serve(w, withList(r, "ResourceId", foreign))
		return true
	}
	writeNode(w, r, boolean("return", true))
	return true
}

// tagChange reads what a CreateTags or DeleteTags call does to a resource's tags.
func tagChange(r *awsapi.Request) (func(map[string]string), *awsapi.Error) {
	tags, err := formTags(r, "Tag")
	if err != nil {
		return nil, err
	}
	if r.Action == "CreateTags" {
		if len(tags) == 0 {
			return nil, awsapi.Errorf(http.StatusBadRequest, "MissingParameter", "The request must contain the parameter Tag")
		}
		return func(t map[string]string) { maps.Copy(t, tags) }, nil
	}
	// DeleteTags: no tags means all; a tag without a value goes whatever its value is.
	valued := map[string]bool{}
	for i := 1; ; i++ {
		key := r.Form.Get(fmt.Sprintf("Tag.%d.Key", i))
		if key == "" {
			break
		}
		_, valued[key] = r.Form[fmt.Sprintf("Tag.%d.Value", i)]
	}
	return func(t map[string]string) {
		maps.DeleteFunc(t, func(key, value string) bool {
			wanted, named := tags[key]
			return len(tags) == 0 || named && (!valued[key] || wanted == value)
		})
	}, nil
}

func (s *tagService) describe(w http.ResponseWriter, r *awsapi.Request) {
	s.moto.serveCorrected(w, r, func(doc *node) *awsapi.Error {
		list := doc.child("tagSet")
		if list == nil {
			list = el("tagSet")
			doc.add(list)
		}
		for _, kind := range s.kinds {
			resourceType, byID := kind.tagged()
			for _, id := range slices.Sorted(maps.Keys(byID)) {
				for _, key := range slices.Sorted(maps.Keys(byID[id])) {
					value := byID[id][key]
					tag := subject{attributes: map[string][]string{
						"resource-id": {id}, "resource-type": {resourceType}, "key": {key}, "value": {value},
					}, tags: map[string]string{key: value}}
					if ok, err := tag.matches(filters(r)); err != nil {
						return err
					} else if ok {
						list.add(el("item", txt("resourceId", id), txt("resourceType", resourceType), txt("key", key), &node{name: "value", text: value}))
					}
				}
			}
		}
		return nil
	})
}
