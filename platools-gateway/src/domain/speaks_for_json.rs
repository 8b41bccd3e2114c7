//! Reads and writes the JSON of [`SpeaksFor`]: `"nobody"`, `"anybody"`, or a list of users.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::identity::SpeaksFor;

#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "it takes \"nobody\", \"anybody\" or a list of users")]
enum WrittenSpeaksFor {
    Word(Word),
    Users(Vec<String>),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Nobody,
    Anybody,
}

impl Serialize for SpeaksFor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let form = match self {
            Self::Nobody => WrittenSpeaksFor::Word(Word::Nobody),
            Self::Anybody => WrittenSpeaksFor::Word(Word::Anybody),
            Self::Users(users) => WrittenSpeaksFor::Users(users.clone()),
        };
        form.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SpeaksFor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match WrittenSpeaksFor::deserialize(deserializer)? {
            WrittenSpeaksFor::Word(Word::Nobody) => Self::Nobody,
            WrittenSpeaksFor::Word(Word::Anybody) => Self::Anybody,
            WrittenSpeaksFor::Users(users) => Self::Users(users),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_a_word_or_a_list() {
        let users = SpeaksFor::Users(vec!["ada".to_owned()]);
        for (form, speaks_for) in
            [(json!("nobody"), SpeaksFor::Nobody), (json!("anybody"), SpeaksFor::Anybody), (json!(["ada"]), users)]
        {
            assert_eq!(serde_json::to_value(&speaks_for).unwrap(), form);
            assert_eq!(serde_json::from_value::<SpeaksFor>(form).unwrap(), speaks_for);
        }
        for form in [json!("ada"), json!(7), json!([7]), json!({})] {
            let error = serde_json::from_value::<SpeaksFor>(form).unwrap_err().to_string();
            assert_eq!(error, "it takes \"nobody\", \"anybody\" or a list of users");
        }
    }
}
