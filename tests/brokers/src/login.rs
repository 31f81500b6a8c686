//! Who may connect.

/// A user and a password that a server is set up with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user's name.
    pub user: String,
    /// The password, in the clear: it protects nothing.
    pub password: String,
}

impl Login {
    /// Both, as plain text: letters, digits and `-` only, so that every server's configuration takes them.
    ///
    /// # Panics
    /// When there is any other character in them.
    #[must_use]
    pub fn new(user: &str, password: &str) -> Self {
        let plain = |text: &str| text.chars().all(|char| char.is_ascii_alphanumeric() || char == '-');
        assert!(plain(user) && plain(password), "a test's login is written into configurations as it is");
        Self { user: user.to_owned(), password: password.to_owned() }
    }
}
