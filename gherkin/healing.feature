Feature: Healing
  A file that breaks is put right without anybody's help, and what is shown stays true.

  Scenario: A flipped byte in the tables is found, told and put right
    Given work in every state
    When everything is taken down, a byte of the tables is flipped, and everything is started again
    Then the board shows what it showed before
    And it is told what was done about the file
    And the tables made anew equal those they replace
