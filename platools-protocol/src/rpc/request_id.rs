//! [`id_in_head`]: finds the id of a request in its first bytes, so that the gateway can answer a request that is too large to read.

use std::fmt;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};

use crate::json_members::Text;

/// The id of a request of which only the beginning is there; none if its id or its type comes later.
pub(super) fn id_in_head(head: &str) -> Option<String> {
    let (mut id, mut kind) = (None, None);
    let mut deserializer = serde_json::Deserializer::from_str(head);
    // An error is the usual end: the rest of the text is missing.
    let _ = deserializer.deserialize_map(Head { id: &mut id, kind: &mut kind });
    id.filter(|_| kind.as_deref() == Some("req"))
}

/// Notes the two members before a text breaks off.
struct Head<'a> {
    id: &'a mut Option<String>,
    kind: &'a mut Option<String>,
}

impl<'de> Visitor<'de> for Head<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(key)) = map.next_key()? {
            match &*key {
                "id" => *self.id = Some(map.next_value()?),
                "type" => *self.kind = Some(map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_found_if_it_and_the_type_come_before_the_text_breaks_off() {
        let long = "x".repeat(100);
        for (head, id) in [
            (format!(r#"{{"type":"req","id":"7","method":"chat.send","params":{{"message":"{long}"#), Some("7")),
            (format!(r#"{{"id":"7","type":"req","params":"{long}"#), Some("7")),
            (format!(r#"{{"type":"res","id":"7","payload":"{long}"#), None),
            (format!(r#"{{"type":"req","params":"{long}","id":"7"#), None),
            (format!(r#"{{"type":"req","id":7,"params":"{long}"#), None),
            (format!("[{long}"), None),
            (String::new(), None),
        ] {
            assert_eq!(id_in_head(&head).as_deref(), id, "{head}");
        }
    }
}
