Feature: Leaving
  Agents go, on purpose or not; what they held goes on.

  Scenario: An agent that is drained ends what it holds and is given nothing new
    Given an item of work called "in hand"
    And ada has claimed it
    And an item of work called "next"
    When ada is drained
    And ada claims whatever is best
    Then ada is refused, because "drained"
    When ada completes "in hand"
    Then it is completed by ada, once

  Scenario: An agent that is put out loses everything at once
    Given an item of work called "held"
    And ada has claimed it
    When ada is put out, because "it does nothing"
    Then "held" is open
    And its history tells that the claim ended because its holder was "evicted"
    When ada completes it
    Then ada is refused, because "nobody holds held now"

  Scenario: Alive but stuck is told
    Given an item of work called "thinking" that must show work within 1 second
    And ada has claimed it
    When ada shows again and again, for longer than that, that she lives
    Then "thinking" counts as stuck
    And ada holds "thinking"
    When ada reports progress
    Then "thinking" does not count as stuck

  Scenario: Registering again keeps what an agent has done
    Given ada is an agent of the team "red"
    When ada does 2 items of work
    And ada is restarted
    Then ada has completed 2 items
    And ada is of the team "red"

  Scenario: What somebody holds is one short line
    Given an item of work called "small"
    And ada has claimed it
    When ada asks what she holds
    Then the answer names "small", its fence and until when
