Feature: Fences
  Only who holds an item now can finish it, however late or under whatever name others try.

  Scenario: Who comes back too late cannot finish
    Given an item of work called "slow"
    And eve has claimed it for one second
    And eve has fallen silent until her claim ran out
    And ben has claimed it
    When eve completes it
    Then eve is refused, because "is over"
    When ben completes it
    Then it is completed by ben, once

  Scenario: A restarted agent cannot finish for its former self
    Given ada is an agent
    And an item of work called "begun before"
    And ada has claimed it
    When ada is restarted
    And ada completes it
    Then ada is refused, because "is held by incarnation"
    And it is not completed

  Scenario: Nobody finishes what another holds
    Given an item of work called "hers"
    And ada has claimed it
    And ben is an agent
    When ben completes it
    Then ben is refused, because "held by ada"
    And ada holds it
