Feature: Questions over HTTP
  Whoever has a token may ask over HTTP what the command line asks; nobody can change anything there.

  Scenario: Who brings a token is answered, and who does not is refused
    Given an item of work called "Hash the README"
    And HTTP is served, and "curl" has a token
    When the board is asked for over HTTP with the token
    Then it shows the item that the command line shows
    When the board is asked for over HTTP without a token
    Then it is refused over HTTP, because "this takes a token."
    When something is submitted over HTTP with the token
    Then it is refused over HTTP, because "there is no POST"
    When the token of "curl" is revoked
    And the board is asked for over HTTP with the token
    Then it is refused over HTTP, because "this token is not known."
