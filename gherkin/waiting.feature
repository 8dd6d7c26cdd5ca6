Feature: Waiting
  Whoever waits is told when there is something, and spends nothing on asking again.

  Scenario: An agent that waits is given the first item that comes
    Given ada waits for whatever comes
    When somebody submits "urgent news"
    Then ada is given "urgent news" within a second

  Scenario: A wait that is over tells so
    When ada waits one second for whatever comes
    Then ada is told that there is nothing to claim

  Scenario: An agent that stops waiting leaves nothing claimed
    Given ada waits for whatever comes
    When ada is interrupted
    And somebody submits "not for ada"
    Then ben can claim "not for ada"

  Scenario: The end of work can be waited for
    Given an item of work called "long build"
    And ada has claimed it
    And somebody waits for it
    When ada completes it
    Then the wait ends, and tells that it is completed

  Scenario: A command is run for each item, and its exit code decides
    Given an item of work called "good"
    And an item of work called "bad"
    When a worker runs "test {id} = good" for each item
    Then "good" is completed by worker, once
    And "bad" is failed

  Scenario: A command is ended when its claim is lost
    Given an item of work called "endless"
    And a worker runs "sleep 600" for it
    When the worker is put out, because "it is needed elsewhere"
    Then the command is ended
    And "endless" is open

  Scenario: A worker that is killed leaves no command behind, and its item to others
    Given an item of work called "orphan"
    And a worker runs "sleep 600" for it, under a lease of one second
    When the worker is killed
    Then the command is ended
    And it becomes open again
    And ben can claim it
