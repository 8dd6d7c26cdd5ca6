Feature: Dead letters
  What is no event of coord's is set aside with the reason, and holds up nothing that comes after it.

  Scenario: Poison of every kind is listed with its reason, and the next item is there within a second
    When these messages are written to the log
      | message                     | reason                                     |
      | malformed                   | the body is not JSON                       |
      | of a wrong type             | title is 7                                 |
      | of an unknown kind          | is not in the catalog                      |
      | oversized in a field        | title is                                   |
      | too deep                    | nested deeper than 32                      |
      | not a number                | the body is not JSON                       |
      | from the far future         | ahead of the broker's clock                |
      | without headers             | no CloudEvents headers                     |
      | readings, malformed         | the body is not JSON                       |
      | readings, not a number      | the body is not JSON                       |
      | readings from the future    | ahead of the broker's clock                |
      | readings out of order       | not in the order of their time             |
    Then an item that is submitted now is seen within a second
    And each of them is listed among the dead letters, with its reason
    And no service had to be started again

  Scenario: An event that comes again under its id counts once
    When an event is written to the log
    And the same event is written to the log again, when the server has forgotten its id
    Then the second is listed among the dead letters, because "its id is that of the event at position"
    And there is 1 item
    And the tables made anew equal those they replace
