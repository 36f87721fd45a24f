//! An edit of a text that can be undone.

/// Puts something into a text and takes it out again. Both say why they cannot, for people.
pub(super) trait Edit {
    /// The text with it: the same text if it is there already.
    fn put_in(&self, text: &str) -> Result<String, String>;

    /// The text without it: the same text if it is not there.
    fn take_out(&self, text: &str) -> Result<String, String>;

    /// Whether it is there.
    fn is_in(&self, text: &str) -> Result<bool, String> {
        Ok(self.take_out(text)? != text)
    }
}
