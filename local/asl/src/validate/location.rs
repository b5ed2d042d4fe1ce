//! Locations within a definition, as AWS writes them: `/States/A/Choices[0]/Next`.

use std::fmt;
use std::rc::Rc;

/// A location within a definition.
///
/// It is a linked list of segments and is printed only for diagnostics, so a long name costs
/// nothing for the values below it.
#[derive(Debug, Clone, Default)]
pub(super) struct Location(Option<Rc<Step>>);

#[derive(Debug)]
struct Step {
    parent: Location,
    segment: Segment,
}

#[derive(Debug)]
enum Segment {
    Field(Box<str>),
    Item(usize),
}

impl Location {
    /// The definition itself.
    pub(super) fn root() -> Self {
        Self::default()
    }

    /// A field of the object at this location.
    pub(super) fn field(&self, name: &str) -> Self {
        self.child(Segment::Field(name.into()))
    }

    /// An item of the array at this location.
    pub(super) fn item(&self, index: usize) -> Self {
        self.child(Segment::Item(index))
    }

    /// Whether this is an item of an array in a field with this name, or inside of one.
    pub(super) fn is_within(&self, array: &str) -> bool {
        let mut location = self;
        while let Some(step) = &location.0 {
            let parent = step.parent.0.as_deref().map(|parent| &parent.segment);
            let is_array = matches!(parent, Some(Segment::Field(name)) if name.as_ref() == array);
            if is_array && matches!(step.segment, Segment::Item(_)) {
                return true;
            }
            location = &step.parent;
        }
        false
    }

    fn child(&self, segment: Segment) -> Self {
        Self(Some(Rc::new(Step { parent: self.clone(), segment })))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut segments = Vec::new();
        let mut location = self;
        while let Some(step) = &location.0 {
            segments.push(&step.segment);
            location = &step.parent;
        }
        if segments.is_empty() {
            return f.write_str("/");
        }
        segments.into_iter().rev().try_for_each(|segment| match segment {
            Segment::Field(name) => write!(f, "/{name}"),
            Segment::Item(index) => write!(f, "[{index}]"),
        })
    }
}
