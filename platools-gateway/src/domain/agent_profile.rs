//! [`Profile`]: the settings of an agent, such as its model and its tools. [`ProfileChange`] changes some of them.

use serde::{Deserialize, Deserializer, Serialize};

/// The settings of an agent. An empty profile answers commands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Profile {
    /// The part that answers. Default: it answers commands.
    pub kind: AgentKind,
    /// The model, by the name its endpoint knows it by. Default: the gateway's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The text that the model reads before anything else. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
    /// The names of the tools it may call. Default: all that its caller may call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<String>>,
    /// The environment its tools are in, by slug or id. Default: development.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

/// A change of a [`Profile`]: the members that it names get a new value or their default, and the others stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ProfileChange {
    /// Changes [`Profile::kind`].
    pub kind: MemberChange<AgentKind>,
    /// Changes [`Profile::model`].
    pub model: MemberChange<String>,
    /// Changes [`Profile::system_prompt`].
    pub system_prompt: MemberChange<String>,
    /// Changes [`Profile::tools`].
    pub tools: MemberChange<Vec<String>>,
    /// Changes [`Profile::environment`].
    pub environment: MemberChange<String>,
}

impl ProfileChange {
    /// The profile after the change.
    #[must_use]
    pub fn apply_to(self, profile: Profile) -> Profile {
        Profile {
            kind: self.kind.apply_to(Some(profile.kind)).unwrap_or_default(),
            model: self.model.apply_to(profile.model),
            system_prompt: self.system_prompt.apply_to(profile.system_prompt),
            tools: self.tools.apply_to(profile.tools),
            environment: self.environment.apply_to(profile.environment),
        }
    }

    /// True if every member stays as it is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Replaces every member.
impl From<Profile> for ProfileChange {
    fn from(profile: Profile) -> Self {
        Self {
            kind: MemberChange::To(profile.kind),
            model: profile.model.into(),
            system_prompt: profile.system_prompt.into(),
            tools: profile.tools.into(),
            environment: profile.environment.into(),
        }
    }
}

/// A change of one member. In JSON, a missing member is [`Keep`](Self::Keep) and `null` is [`Reset`](Self::Reset).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum MemberChange<T> {
    /// The member keeps its value.
    #[default]
    Keep,
    /// The member gets its default again.
    Reset,
    /// The member gets this value.
    To(T),
}

impl<T> MemberChange<T> {
    fn apply_to(self, value: Option<T>) -> Option<T> {
        match self {
            Self::Keep => value,
            Self::Reset => None,
            Self::To(value) => Some(value),
        }
    }
}

/// `None` is [`Reset`](Self::Reset).
impl<T> From<Option<T>> for MemberChange<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Reset, Self::To)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for MemberChange<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::from)
    }
}

/// The part of an agent that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AgentKind {
    /// Nothing: commands name a tool and its arguments.
    #[default]
    Command,
    /// A language model.
    Model,
}

impl AgentKind {
    /// The kind as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Model => "model",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Command, Self::Model].into_iter().find(|kind| kind.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_keeps_the_members_that_it_does_not_name_and_resets_those_that_are_null() {
        let whole = json!({
            "kind": "model", "model": "m", "systemPrompt": "Be brief.", "tools": ["echo"], "environment": "production"
        });
        let changed = |change: serde_json::Value| {
            let profile: Profile = serde_json::from_value(whole.clone()).unwrap();
            let change: ProfileChange = serde_json::from_value(change).unwrap();
            serde_json::to_value(change.apply_to(profile)).unwrap()
        };
        assert_eq!(changed(json!({})), whole);
        let mut other = whole.clone();
        other["model"] = json!("n");
        assert_eq!(changed(json!({"model": "n"})), other);
        let reset = json!({"kind": null, "model": null, "systemPrompt": null, "tools": null, "environment": null});
        assert_eq!(changed(reset), json!({"kind": "command"}));
        assert!(serde_json::from_value::<ProfileChange>(json!({"modle": "n"})).is_err());
    }

    #[test]
    fn a_whole_profile_takes_the_place_of_another() {
        let other = Profile { model: Some("m".to_owned()), tools: Some(Vec::new()), ..Profile::default() };
        let whole =
            Profile { kind: AgentKind::Model, system_prompt: Some("Be brief.".to_owned()), ..Profile::default() };
        assert_eq!(ProfileChange::from(whole.clone()).apply_to(other), whole);
    }
}
